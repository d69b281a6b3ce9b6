"""What a loop of one's own, `train_on_batch` after `train_on_batch`, costs against `fit` on batches of the same size."""

from __future__ import annotations

from typing import Any

import numpy as np

import fittool as ft
from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure, processor_seconds

SAMPLES, BATCH, EPOCHS = 1600, 32, 6


def figures(bench: Bench) -> list[Figure]:
    epochs = bench.size(EPOCHS, 1)
    generator = np.random.default_rng(0)
    x, y = generator.random((SAMPLES, 64), np.float32), generator.integers(0, 10, SAMPLES)
    model = ft.Model([ft.layers.Dense(128, "relu"), ft.layers.Dense(10, "softmax")], input_shape=(64,), threads=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def looped(read: Any) -> None:
        for _ in range(epochs):
            order = generator.permutation(SAMPLES)
            for first in range(0, SAMPLES, BATCH):
                batch = order[first : first + BATCH]
                read(model.train_on_batch(x[batch], y[batch]))

    sides = {
        "fit": lambda: processor_seconds(lambda: model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)),
        "loop": lambda: processor_seconds(lambda: looped(id)),
        "loop that reads": lambda: processor_seconds(lambda: looped(lambda logs: (logs["loss"], logs["accuracy"]))),
    }
    took = bench.compare(sides)
    note = took.in_numbers("µs a step", 1e6 * BATCH / (epochs * SAMPLES))
    return [
        took.figure("time of a loop against fit", "loop", "fit", 1.1, most=True, note=note),
        took.figure("time of a loop that reads its values against fit", "loop that reads", "fit", 1.1, most=True),
    ]
