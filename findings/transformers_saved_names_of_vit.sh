#!/usr/bin/env bash
# Guess: the safetensors file that `save_pretrained` of transformers writes holds the model's `state_dict()`, so that
#   `model.load_state_dict(load_file("model.safetensors"))` goes back, as it does for its ResNet.
# Seen with transformers 5.24.0, torch 2.13.0, Python 3.11: of its ViT, 16 of 24 arrays of a network of one block have other names in the
#   file (those of version 4, `vit.encoder.layer.0.attention.attention.query`) than in memory (`vit.layers.0.attention.q_proj`), and a
#   strict `load_state_dict` is refused; `from_pretrained` renames them. Who reads such weights needs both tables of names: one for
#   files of `save_pretrained`, one for `torch.save(model.state_dict())`.
# Output:
#   ResNetForImageClassification: 38 in memory, 38 in the file, 38 in both, strict loading works
#   ViTForImageClassification: 24 in memory, 24 in the file, 8 in both, strict loading refused
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > script.py <<'SCRIPT'
import tempfile

from safetensors.torch import load_file
from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

vit = ViTConfig(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16
)
resnet = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
for model in (ResNetForImageClassification(resnet), ViTForImageClassification(vit)):
    with tempfile.TemporaryDirectory() as path:
        model.save_pretrained(path)
        saved = load_file(f"{path}/model.safetensors")
    names = set(model.state_dict())
    try:
        model.load_state_dict(saved, strict=True)
        loading = "works"
    except RuntimeError:
        loading = "refused"
    both = len(names & set(saved))
    print(f"{type(model).__name__}: {len(names)} in memory, {len(saved)} in the file, {both} in both, strict loading {loading}")
SCRIPT
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.24.0"
found=$(venv/bin/python script.py 2>/dev/null)
echo "$found"
wanted="ResNetForImageClassification: 38 in memory, 38 in the file, 38 in both, strict loading works
ViTForImageClassification: 24 in memory, 24 in the file, 8 in both, strict loading refused"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
