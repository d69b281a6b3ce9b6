#!/usr/bin/env bash
# Guess: the derivative that autograd takes of hardswish where it has a kink, at -3 and 3, is a convention that stays: networks whose
#   activations meet these numbers exactly (quantized ones, zeros behind a clipped layer) train alike on every PyTorch 2.
# Seen with torch 2.6.0 and 2.13.0 on the processor, Python 3.11: at -3 it was -0.5 and is 0, at 3 it was 1.5 and is 1. The older one
#   takes the slope of the middle piece at its ends, the newer one that of the outer pieces; hardsigmoid has that of the outer pieces
#   in both.
# Output:
#   2.6.0: hardswish [-0.5, 1.5], hardsigmoid [0.0, 0.0]
#   2.13.0: hardswish [0.0, 1.0], hardsigmoid [0.0, 0.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > script.py <<'SCRIPT'
import warnings

warnings.filterwarnings("ignore")  # without NumPy beside it, torch says so
import torch
from torch.nn import functional


def slopes(function):
    x = torch.tensor([-3.0, 3.0], requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


version = torch.__version__.partition("+")[0]
print(f"{version}: hardswish {slopes(functional.hardswish)}, hardsigmoid {slopes(functional.hardsigmoid)}")
SCRIPT
found=""
for version in 2.6.0 2.13.0; do
    python3 -m venv "venv-$version"
    "venv-$version/bin/pip" install --quiet --disable-pip-version-check "torch==$version"
    found+="$("venv-$version/bin/python" script.py)"$'\n'
done
echo -n "$found"
wanted="2.6.0: hardswish [-0.5, 1.5], hardsigmoid [0.0, 0.0]
2.13.0: hardswish [0.0, 1.0], hardsigmoid [0.0, 0.0]
"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
