"""Keras's models: `from fittool.models import Sequential, load_model`."""

from __future__ import annotations

from fittool.model import Model, Sequential, load_model, model_from_json

__all__ = ["Model", "Sequential", "load_model", "model_from_json"]
