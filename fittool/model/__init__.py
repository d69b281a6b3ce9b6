"""Keras's `Model` in Python: the same words, the same numbers, the same trainer as experiments."""

from fittool.model.loading import load_model, model_from_json
from fittool.model.model import Model
from fittool.model.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model", "model_from_json"]
