#!/usr/bin/env bash
# Guess: `accumulate_grad_batches=N` of Lightning takes the mean of the gradients in a group; where the batches of an epoch are no
#   multiple of N, the last group is the mean of those that it has.
# Seen with lightning 2.6.6, torch 2.13.0, Python 3.11: each loss is divided by N, also in the short group at the epoch's end, so its
#   update is too small: with N = 4 and 5 batches of the same gradient 1 the second update of plain SGD is 0.25 of the first. A schedule
#   that counts updates counts it as a whole one.
# Output:
#   4 batches: updates of [1.0]
#   5 batches: updates of [1.0, 0.25]
#   6 batches: updates of [1.0, 0.5]
#   8 batches: updates of [1.0, 1.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/pip install --quiet --disable-pip-version-check lightning==2.6.6
cat > script.py <<'SCRIPT'
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset


class Net(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = [0.0]

    def training_step(self, batch, index):
        return -self.weight.sum()  # whose gradient is -1 in every batch

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1.0)

    def on_train_batch_end(self, *_):
        if self.weight.item() != self.seen[-1]:
            self.seen.append(self.weight.item())


quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
for batches in (4, 5, 6, 8):
    net = Net()
    trainer = Trainer(max_epochs=1, accelerator="cpu", accumulate_grad_batches=4, **quiet)
    trainer.fit(net, DataLoader(TensorDataset(torch.ones(batches, 1))))
    print(f"FOUND {batches} batches: updates of {[new - old for old, new in zip(net.seen, net.seen[1:])]}")
SCRIPT
found=$(venv/bin/python script.py 2> errors.txt | sed -n 's/^FOUND //p')
echo "$found"
wanted="4 batches: updates of [1.0]
5 batches: updates of [1.0, 0.25]
6 batches: updates of [1.0, 0.5]
8 batches: updates of [1.0, 1.0]"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
