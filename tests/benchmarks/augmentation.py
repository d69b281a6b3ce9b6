"""The classic example's augmentation against Keras's ImageDataGenerator, one processor, small and large images."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.inputs import BATCH, CLASSIC, classic, images
from tests.benchmarks.measuring import Figure, seconds, side_by_side

WANTED = {("uint8", 32): 14, ("uint8", 224): 15, ("float32", 32): 4, ("float32", 224): 4}
BATCHES = {32: 20, 224: 2}


def figures(turns: int) -> list[Figure]:
    return [_figure(dtype, side, least, turns) for (dtype, side), least in WANTED.items()]


def _figure(dtype: str, side: int, least: float, turns: int) -> Figure:
    name = f"{dtype} {side}x{side} against Keras"
    keras = keras_rate(side)
    if keras is None:
        return Figure(name, None, least, note="Keras is not installed")
    rates = side_by_side({"fittool": our_rate(dtype, side), "Keras": keras}, turns)
    note = f"{rates['fittool']:,.0f} against {rates['Keras']:,.0f} images/s"
    return Figure(name, rates["fittool"] / rates["Keras"], least, note=note)


def our_rate(dtype: str, side: int, **changes: Any) -> Callable[[], float]:
    """Images a second by fittool."""
    batch, change, count = images(BATCH, side, dtype), classic(**changes), 4 * BATCHES[side]

    def work() -> None:
        for number in range(count):
            change(batch, 0, number, np.arange(BATCH))

    return lambda: count * BATCH / seconds(work)


def keras_rate(side: int) -> Callable[[], float] | None:
    """Images a second by Keras, which works on float images; None where it is not installed."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        from keras.src.legacy.preprocessing.image import ImageDataGenerator
    except ImportError:
        return None
    flow = ImageDataGenerator(**CLASSIC).flow(images(BATCH, side, "float32"), np.arange(BATCH), batch_size=BATCH)
    return lambda: BATCHES[side] * BATCH / seconds(lambda: [next(flow) for _ in range(BATCHES[side])])
