"""What a loop of one's own, `train_on_batch` after `train_on_batch`, costs against `fit` on batches of the same size."""

from __future__ import annotations

from typing import Any

import numpy as np

import fittool as ft
from tests.benchmarks.measuring import Figure, seconds, side_by_side

SAMPLES, BATCH, EPOCHS = 1600, 32, 6


def figures(turns: int) -> list[Figure]:
    generator = np.random.default_rng(0)
    x, y = generator.random((SAMPLES, 64), np.float32), generator.integers(0, 10, SAMPLES)
    model = ft.Model([ft.layers.Dense(128, "relu"), ft.layers.Dense(10, "softmax")], input_shape=(64,), threads=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def looped(read: Any) -> None:
        for _ in range(EPOCHS):
            order = generator.permutation(SAMPLES)
            for first in range(0, SAMPLES, BATCH):
                batch = order[first : first + BATCH]
                read(model.train_on_batch(x[batch], y[batch]))

    sides = {
        "fit": lambda: seconds(lambda: model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)),
        "loop": lambda: seconds(lambda: looped(id)),
        "loop that reads": lambda: seconds(lambda: looped(lambda logs: (logs["loss"], logs["accuracy"]))),
    }
    took = side_by_side(sides, turns)
    steps = EPOCHS * SAMPLES // BATCH
    note = ", ".join(f"{name} {1e6 * value / steps:.0f} µs" for name, value in took.items()) + " a step"
    return [
        Figure("time of a loop against fit", took["loop"] / took["fit"], 1.1, most=True, note=note),
        Figure("time of a loop that reads its values against fit", took["loop that reads"] / took["fit"], 1.1, most=True),
    ]
