#!/usr/bin/env bash
# Guess: with the dtype policy float64 a Keras layer computes in float64, as its weights and its outputs are float64.
# Seen with keras 3.15.1 and jax 0.10.2 (JAX_ENABLE_X64=1) on the processor, Python 3.11, and on the torch backend: Dense does;
#   BatchNormalization casts its inputs down to float32, because result_type("float64", "float32") is float32, computes there, and
#   casts back. Whoever compares gradients in float64 compares float32 behind every normalization.
# Output:
#   Dense: float64, off by less than 1e-12
#   BatchNormalization: float64, off by more than 1e-9
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export KERAS_HOME="$folder" KERAS_BACKEND=jax JAX_ENABLE_X64=1
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2
cat > script.py <<'SCRIPT'
import keras
import numpy as np

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
x = np.random.default_rng(1).normal(size=(50, 4))


def told(layer, expected):
    found = layer(x)
    off = np.abs(np.asarray(found) - expected(layer)).max()
    size = "less than 1e-12" if off < 1e-12 else "more than 1e-9" if off > 1e-9 else f"{off:.0e}"
    print(f"{type(layer).__name__}: {keras.backend.standardize_dtype(found.dtype)}, off by {size}")


told(keras.layers.Dense(3), lambda layer: x @ np.asarray(layer.kernel))
told(keras.layers.BatchNormalization(), lambda layer: x / np.sqrt(1 + layer.epsilon))
SCRIPT
found=$(venv/bin/python script.py 2> errors.txt)
echo "$found"
wanted="Dense: float64, off by less than 1e-12
BatchNormalization: float64, off by more than 1e-9"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
