"""What checks and times on a card share: engines, batches, networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from fittool.augmentation.augment import augment
from fittool.augmentation.crops import RandomErasing
from fittool.augmentation.settings import Augmentation
from fittool.data.batch import Batch
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.loading.selection import Selection
from fittool.engines.settings import Torch
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.optimizers import Adam
from fittool.nn.presets import PRESETS

TYPICAL = Augmentation(rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True)
ALL_CHANGES = replace(
    TYPICAL, fill_mode="constant", channel_shift_range=20, brightness_range=(0.5, 1.5), contrast_range=(0.5, 1.5), hue_range=20,
    saturation_range=(0.5, 1.5), blur=(0.0, 1.0), inversion=0.2, random_erasing=RandomErasing(),
)  # fmt: skip


class Card:
    """One device, and how often each side is measured on it."""

    def __init__(self, device: str, turns: int) -> None:
        self.device, self.turns, self.small = device, turns, device == "cpu"

    def engine(self, graph: Graph, setting: Torch | None = None, **options: Any) -> Any:
        from fittool.engines.torch_engine import TorchEngine

        options = {"loss": SparseCategoricalCrossentropy(), "optimizer": Adam(), "seed": 3, **options}
        return TorchEngine(graph, replace(setting or Torch(), device=self.device), **options)

    def loader(self, samples: int, augmentation: Augmentation | None, engine: Any = None) -> DatasetLoader:
        """Batches of 64, or of all in a test of the script; of samples that an engine holds, or of arrays."""
        x, y = random_data("simple_cnn", samples)
        dataset, changes = ArrayDataset(x, (y,)), None if augmentation is None else partial(augment, augmentation)
        loader = DatasetLoader(dataset, min(samples, 512), 3, augment=changes)
        if engine is not None:
            engine.hold(dataset)
            loader.select_from(Selection(dataset, None, augmentation))
        return loader

    def seconds(self, work: Callable[[], object]) -> float:
        import torch

        start = time.perf_counter()
        work()
        if self.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def network_named(name: str) -> Graph:
    if name == "digits":
        layers = [nn.Dense(128, "relu"), nn.Dropout(0.2), nn.Dense(64, "relu"), nn.Dense(10, "softmax")]
        return Graph.build(layers, {"x": (64,)})
    preset: Any = {"resnet_imagenet": {"depth": 18, "stem": "small"}} if name == "resnet18" else name
    return Graph.build(PRESETS.parse(preset).expand(10), {"x": (32, 32, 3)})


def random_data(name: str, samples: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 10, samples)
    if name == "digits":
        return generator.random((samples, 64), np.float32), y
    return generator.integers(0, 256, (samples, 32, 32, 3), np.uint8), y


def make_batches(name: str, size: int, count: int) -> list[Batch]:
    x, y = random_data(name, size * count)
    return [Batch((x[at : at + size],), (y[at : at + size],)) for at in range(0, size * count, size)]


def training_losses(engine: Any, batches: list[Batch]) -> list[float]:
    """The loss of each step."""
    found = []
    for batch in batches:
        engine.reset_metrics()
        engine.train_step(batch)
        found.append(engine.metrics()["loss"])
    return found
