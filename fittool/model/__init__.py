"""Keras's `Model` in Python: the same words, the same numbers, the same trainer as experiments.

`model` is the class, on `layer_model` (layers and weights), `sequential` its other form, `network` the one holder of an
engine; `fit`, `loaders`, `arrays` and `labels` turn arguments into loaders, `compiled` and `parsing` read the rest, `saving`
and `loading` deal with files, `adaptation` takes statistics of data. Only `experiment` may enter. It knows no experiment
file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fittool.model.loading import load_model, model_from_json
    from fittool.model.model import Model
    from fittool.model.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model", "model_from_json"]

_HOMES = {
    "Model": "fittool.model.model",
    "Sequential": "fittool.model.sequential",
    "load_model": "fittool.model.loading",
    "model_from_json": "fittool.model.loading",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: checking an experiment needs this package's parts, but no trainer."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
