#!/usr/bin/env bash
# Guess: BackupAndRestore with `save_freq=N` goes on, after a crash, at the batch of its last backup: its file keeps the epoch and the
#   batch.
# Seen with keras 3.15.1 and jax 0.10.2 on the processor, Python 3.11: the number of the batch is written and never read. The
#   interrupted epoch is trained again from its first batch, on top of the weights and moments that already learnt a part of it: with a
#   crash in the eighth of 15 steps, the optimizer counts 17 steps at the end, and two batches were learnt twice. With
#   `save_freq="epoch"` nothing is learnt twice, and there are 15. Without shuffling and with the same seed that one ends with the
#   weights of a training that was not interrupted, the other does not.
# Output:
#   epoch: kept {'epoch': 1, 'batch': 0}, then 15 steps, the same weights True
#   1: kept {'epoch': 1, 'batch': 1}, then 17 steps, the same weights False
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export KERAS_HOME="$folder" KERAS_BACKEND=jax
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2
cat > script.py <<'SCRIPT'
import json

import keras
import numpy as np


class Crash(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 7:
            raise RuntimeError("a crash in the eighth step")


def trained(*callbacks):
    keras.utils.set_random_seed(1)
    x = np.arange(50, dtype="float32")[:, None] / 50
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    try:
        model.fit(x, 2 * x, batch_size=10, epochs=3, shuffle=False, verbose=0, callbacks=list(callbacks))
    except RuntimeError:
        pass
    return model


whole = trained()
for frequency in ("epoch", 1):
    path = f"backup-{frequency}"
    trained(keras.callbacks.BackupAndRestore(path, save_freq=frequency), Crash())
    with open(f"{path}/training_metadata.json") as file:
        kept = json.load(file)
    model = trained(keras.callbacks.BackupAndRestore(path, save_freq=frequency))
    same = np.allclose(model.get_weights()[0], whole.get_weights()[0])
    print(f"{frequency}: kept {kept}, then {int(model.optimizer.iterations)} steps, the same weights {same}")
SCRIPT
found=$(venv/bin/python script.py)
echo "$found"
wanted="epoch: kept {'epoch': 1, 'batch': 0}, then 15 steps, the same weights True
1: kept {'epoch': 1, 'batch': 1}, then 17 steps, the same weights False"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
