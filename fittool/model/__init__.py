"""Keras's `Model` in Python: the same words, the same numbers, the same trainer as experiments.

`model` is the class, on `layer_model` (layers and weights), `sequential` its other form, `network` the one holder of an
engine; `fit`, `loaders`, `arrays` and `labels` turn arguments into loaders, `compiled` and `parsing` read the rest, `saving`
and `loading` deal with files, `adaptation` takes statistics of data. Only `experiment` may enter. It knows no experiment
file.
"""

from fittool.model.loading import load_model, model_from_json
from fittool.model.model import Model
from fittool.model.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model", "model_from_json"]
