"""Keras's learning-rate schedules: `from fittool.optimizers.schedules import CosineDecay`."""

from __future__ import annotations

from fittool.schedules import *  # noqa: F403
from fittool.schedules import __all__ as __all__
