"""The sections of an experiment: data, model, compile, train and output, each with Keras's names and defaults."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.data.sources import SOURCES, Source
from fittool.nn.layers import LAYERS, Layer
from fittool.nn.losses import LOSSES, Loss
from fittool.nn.metrics import METRICS, Metric
from fittool.nn.optimizers import OPTIMIZERS, Optimizer, RMSprop
from fittool.nn.presets import PRESETS, Preset
from fittool.settings import Boolean, Family, Field, Integer, Named, Number, Pair, Text, setting

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@setting
class EngineSetting(Named):
    """What executes the steps."""


@setting
class Numpy(EngineSetting):
    """NumPy on the processor: trains without any framework."""

    threads: Annotated[Integer, Field(ge=1, le=1024)] | None = Field(
        default=None, description="Threads to compute with; by default all that the process may use. Results do not depend on it."
    )

    @classmethod
    def public_name(cls) -> str:
        """`numpy`, as the library writes itself."""
        return "numpy"


ENGINES: Family[EngineSetting] = Family("engine", {"numpy": Numpy}, {"auto": "numpy"})


def _positive(pair: tuple[int, int]) -> tuple[int, int]:
    if min(pair) < 1 or max(pair) > 65_535:
        raise PydanticCustomError("image_size", "must be from 1 to 65,535")
    return pair
