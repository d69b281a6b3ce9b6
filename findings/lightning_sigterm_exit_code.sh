#!/usr/bin/env bash
# Guess: a training with Lightning that is ended by SIGTERM, as job queues and container hosts do at a time limit, leaves an exit code
#   other than 0, as one that is ended by Ctrl-C does.
# Seen with lightning 2.6.6, torch 2.13.0, Python 3.11: after SIGTERM it stops at the end of the batch, runs no line behind `fit`, and
#   exits with 0, so a script such as `train && publish` goes on, and a queue counts the job as done. After SIGINT the code is 1.
# Output:
#   no signal: exit code 0, lines behind fit run
#   SIGTERM: exit code 0
#   SIGINT: exit code 1
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/pip install --quiet --disable-pip-version-check lightning==2.6.6
cat > script.py <<'SCRIPT'
import os
import signal
import sys

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset


class Net(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        if index == 2 and sys.argv[1] != "no signal":
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))  # what a queue does from outside
        return -self.weight.sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1.0)


signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
Trainer(max_epochs=1, accelerator="cpu", **quiet).fit(Net(), DataLoader(TensorDataset(torch.ones(8, 1))))
print("FOUND, lines behind fit run")
SCRIPT
found=$(
    for name in "no signal" SIGTERM SIGINT; do
        code=0
        venv/bin/python script.py "$name" > out.txt 2> errors.txt || code=$?
        echo "$name: exit code $code$(sed -n 's/^FOUND//p' out.txt)"
    done
)
echo "$found"
wanted="no signal: exit code 0, lines behind fit run
SIGTERM: exit code 0
SIGINT: exit code 1"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
