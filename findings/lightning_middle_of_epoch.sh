#!/usr/bin/env bash
# Guess: Lightning goes on from a checkpoint of the middle of an epoch with the batches that the epoch still has, at least where the
#   loader does not shuffle: the checkpoint has the number of the batch.
# Seen with lightning 2.6.6, torch 2.13.0, Python 3.11: it only takes as many batches as are left, from the beginning of the loader. Of
#   ten batches with the checkpoint after the sixth, the first four are learnt twice in that epoch and the last four not at all; a
#   warning says that the loader isn't resumable. A loader with `state_dict` and `load_state_dict` is needed for the rest.
# Output:
#   before: [0, 1, 2, 3, 4, 5]
#   after, in the same epoch: [0, 1, 2, 3]
#   warned: True
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/pip install --quiet --disable-pip-version-check lightning==2.6.6
cat > script.py <<'SCRIPT'
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset


class Net(LightningModule):
    def __init__(self, crash_after=None):
        super().__init__()
        self.crash_after = crash_after
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, index):
        if len(self.seen) == self.crash_after:
            raise RuntimeError("a crash")
        self.seen.append((self.current_epoch, int(batch[0])))
        return self.layer(batch[0]).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
loader = DataLoader(TensorDataset(torch.arange(10.0)[:, None]), batch_size=1, shuffle=False)
first = Net(crash_after=6)
keeper = ModelCheckpoint(".", filename="middle", every_n_train_steps=6)
try:
    Trainer(max_epochs=2, accelerator="cpu", callbacks=[keeper], **quiet).fit(first, loader)
except RuntimeError:
    pass
second = Net()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    Trainer(max_epochs=2, accelerator="cpu", **quiet).fit(second, loader, ckpt_path="middle.ckpt")
print("FOUND before:", [sample for epoch, sample in first.seen])
print("FOUND after, in the same epoch:", [sample for epoch, sample in second.seen if epoch == 0])
print("FOUND warned:", any("not resumable" in str(warning.message) for warning in caught))
SCRIPT
found=$(venv/bin/python script.py 2> errors.txt | sed -n 's/^FOUND //p')
echo "$found"
wanted="before: [0, 1, 2, 3, 4, 5]
after, in the same epoch: [0, 1, 2, 3]
warned: True"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
