#!/usr/bin/env bash
# Guess: keras.layers.MultiHeadAttention takes a `value_dim` unlike `key_dim` on every backend, as its documentation has it: "size of each
#   attention head for value".
# Seen with keras 3.15.1 and jax 0.10.2 on the processor, Python 3.11: on the jax backend the layer is made and its weights have the
#   right shapes, but every call ends in a TypeError, as JAX's dot_product_attention wants values as wide as keys. With equal sizes, and
#   with `return_attention_scores=True`, which takes another way, it works.
# Output:
#   value_dim 3: (2, 4, 6)
#   value_dim 5: TypeError
#   value_dim 5, with scores: (2, 4, 6)
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

x = np.ones((2, 4, 6), "float32")


def told(name, call):
    try:
        print(f"{name}: {call().shape}")
    except Exception as error:
        print(f"{name}: {type(error).__name__}")


for size in (3, 5):
    layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=size)
    told(f"value_dim {size}", lambda: layer(x, x))
told("value_dim 5, with scores", lambda: layer(x, x, return_attention_scores=True)[0])
SCRIPT
found=$(venv/bin/python script.py 2> errors.txt)  # JAX logs what Keras catches
echo "$found"
wanted="value_dim 3: (2, 4, 6)
value_dim 5: TypeError
value_dim 5, with scores: (2, 4, 6)"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
