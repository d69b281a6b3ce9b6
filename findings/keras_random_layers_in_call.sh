#!/usr/bin/env bash
# Guess: `model(x)` of Keras is inference, as `model.predict(x)` is, unless `training=True` is given: layers that act in training alone,
#   Dropout and RandomFlip alike, leave the numbers alone.
# Seen with keras 3.15.1 and jax 0.10.2 on the processor, Python 3.11: Dropout does, but layers that change pictures (RandomFlip,
#   RandomRotation, RandomContrast) have `training=True` as their default, and a model that holds one changes its input at random in
#   each plain call. `predict`, `evaluate` and `model(x, training=False)` do not. So loops of one's own around `model(x)` score
#   augmented pictures; on the torch backend (2.13.0) `export` to ONNX and to PyTorch trace such a call and fail at its random numbers.
# Output:
#   Dropout: model(x) like predict True, model(x, training=False) like predict True
#   RandomFlip: model(x) like predict False, model(x, training=False) like predict True
#   RandomRotation: model(x) like predict False, model(x, training=False) like predict True
#   RandomContrast: model(x) like predict False, model(x, training=False) like predict True
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export KERAS_HOME="$folder" KERAS_BACKEND=jax
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2
cat > script.py <<'SCRIPT'
import keras
import numpy as np
from keras import layers

x = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
for layer in (layers.Dropout(0.5), layers.RandomFlip(seed=1), layers.RandomRotation(0.2, seed=1), layers.RandomContrast(0.5, seed=1)):
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    predicted = model.predict(x, verbose=0)
    plain, inference = (np.allclose(call, predicted) for call in (model(x), model(x, training=False)))
    print(f"{type(layer).__name__}: model(x) like predict {plain}, model(x, training=False) like predict {inference}")
SCRIPT
found=$(venv/bin/python script.py)
echo "$found"
wanted="Dropout: model(x) like predict True, model(x, training=False) like predict True
RandomFlip: model(x) like predict False, model(x, training=False) like predict True
RandomRotation: model(x) like predict False, model(x, training=False) like predict True
RandomContrast: model(x) like predict False, model(x, training=False) like predict True"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
