"""Runs `typed_as_keras.py` with Keras, or with fittool in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("typed_as_keras.py")
OURS = {
    "import keras\n": "import fittool as keras\n",
    "from keras": "from fittool",
    ".keras": ".safetensors",
    ".weights.h5": ".safetensors",
}
"""What is written otherwise with fittool."""


def run_script(library: str) -> dict[str, Any]:
    """The names that the script leaves, run in the working directory."""
    text = SCRIPT.read_text(encoding="utf-8")
    for theirs, ours in OURS.items() if library == "fittool" else ():
        assert theirs in text
        text = text.replace(theirs, ours)
    names: dict[str, Any] = {}
    exec(compile(text, str(SCRIPT), "exec"), names)
    return names
