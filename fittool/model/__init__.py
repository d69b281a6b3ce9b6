"""Keras's `Model` in Python: the same words, the same numbers, the same trainer as experiments."""

from fittool.model.model import Model
from fittool.model.saving import load_model

__all__ = ["Model", "load_model"]
