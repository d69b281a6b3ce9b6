#!/usr/bin/env bash
# Guess: Ludwig refuses a section of its file that it doesn't know, as it does with an unknown key of `trainer:`.
# Seen with ludwig 0.11.0 and torch 2.14.1, Python 3.11: `trainer: {epoch: 3}` is refused by the name of the key, but a misspelt
#   section, `trainr: {epochs: 3}`, or a misspelt key of a feature, `preprocesing`, is left out without a word. The first trains for the
#   default of 100 epochs, the second does not normalize as asked. `ludwig render_config` shows what is left.
# Output:
#   trainer: {epochs: 3}: taken, 3 epochs
#   trainer: {epoch: 3}: refused, ('epoch' was unexpected)
#   trainr: {epochs: 3}: taken, 100 epochs
#   preprocesing of a feature: taken, 100 epochs
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES=""
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1
venv/bin/pip install --quiet --disable-pip-version-check ludwig==0.11.0 torch==2.14.1 torchvision==0.29.1
cat > script.py <<'SCRIPT'
import re

import yaml
from ludwig.error import ConfigValidationError
from ludwig.schema.model_config import ModelConfig

for text in ("trainer: {epochs: 3}", "trainer: {epoch: 3}", "trainr: {epochs: 3}", "preprocesing of a feature"):
    feature = {"name": "x", "type": "number"}
    config = {"input_features": [feature], "output_features": [{"name": "y", "type": "category"}]}
    if text.startswith("preprocesing"):
        feature["preprocesing"] = {"normalization": "zscore"}
    else:
        config.update(yaml.safe_load(text))
    try:
        print(f"FOUND {text}: taken, {ModelConfig.from_dict(config).trainer.epochs} epochs")
    except ConfigValidationError as error:
        print(f"FOUND {text}: refused, {re.search(r'[(].* unexpected[)]', str(error))[0]}")
SCRIPT
found=$(venv/bin/python script.py 2> errors.txt | sed -n 's/^FOUND //p')  # its packages greet
echo "$found"
wanted="trainer: {epochs: 3}: taken, 3 epochs
trainer: {epoch: 3}: refused, ('epoch' was unexpected)
trainr: {epochs: 3}: taken, 100 epochs
preprocesing of a feature: taken, 100 epochs"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
