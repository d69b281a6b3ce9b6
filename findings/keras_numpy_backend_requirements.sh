#!/usr/bin/env bash
# Guess: KERAS_BACKEND=numpy is for inference without a framework, so that Keras and NumPy are all that has to be installed.
# Seen with keras 3.15.1, numpy 2.3.5, scipy 1.16.3, Python 3.11: the numpy backend imports SciPy, and jax for its Fourier transform,
#   so `import keras` fails until both are installed as well; neither is among what the package requires.
# Output:
#   jax or scipy among what Keras requires: False
#   import keras: ModuleNotFoundError: No module named 'scipy'
#   with scipy: import keras: ModuleNotFoundError: No module named 'jax'
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export KERAS_HOME="$folder" KERAS_BACKEND=numpy
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 numpy==2.3.5

cat > script.py <<'SCRIPT'
try:
    import keras  # noqa: F401
except ImportError as error:
    print(f"import keras: {type(error).__name__}: {error}")
else:
    print("import keras: done")
SCRIPT
required='from importlib.metadata import requires; print(any(name in line for line in requires("keras") for name in ("jax", "scipy")))'
found="jax or scipy among what Keras requires: $(venv/bin/python -c "$required")
$(venv/bin/python script.py)"
venv/bin/pip install --quiet --disable-pip-version-check scipy==1.16.3
found+="
with scipy: $(venv/bin/python script.py)"
echo "$found"
wanted="jax or scipy among what Keras requires: False
import keras: ModuleNotFoundError: No module named 'scipy'
with scipy: import keras: ModuleNotFoundError: No module named 'jax'"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
