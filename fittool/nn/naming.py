"""Names in Keras's two spellings."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """Keras's other spelling of a class name: `conv2d`, `max_pooling2d`, `re_lu`, `sparse_categorical_crossentropy`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
