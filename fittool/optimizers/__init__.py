"""Keras's optimizers: `from fittool.optimizers import Adam`, and `schedules`.

These are names for users; the settings are in `fittool.nn.optimizers`, the schedules in `fittool.nn.schedules`. No part of
the package may enter; it asks `nn` itself. Nothing is described or computed here.
"""

from __future__ import annotations

from fittool.nn.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
)
from fittool.optimizers import schedules

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "schedules",
]
