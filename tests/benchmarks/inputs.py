"""What the benchmarks work on: random images, a folder of small JPEG files, the augmentation of Keras's classic example."""

from __future__ import annotations

import io
import os
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader
from tests.benchmarks.measuring import seconds
from tests.benchmarks.peers.work import CLASSIC

BATCH = 32


def images(count: int, side: int, dtype: Any = np.uint8) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8).astype(dtype)


def dataset(count: int, side: int) -> ArrayDataset:
    return ArrayDataset(images(count, side), (np.arange(count) % 10,))


def classic(**changes: Any) -> Any:
    """Augments a batch, given seed, pass and positions."""
    return partial(augment, Augmentation(**CLASSIC | changes))


def rate(loader: DatasetLoader, batches: int) -> float:
    """Samples a second out of a loader whose workers are under way."""
    walk = loader.batches(0)
    for _ in islice(walk, 2 * 10 + 2):  # the queue is full, and memory is warm
        pass
    took = seconds(lambda: [None for _ in islice(walk, batches)])
    walk.close()  # type: ignore[attr-defined]
    return batches * loader.batch_size / took


def jpeg_folder(folder: Path, count: int, side: int = 32) -> Path:
    """Ten class folders of small JPEG files: a hundred different ones, again and again."""
    encoded = []
    for pixels in images(100, side // 4):
        stream = io.BytesIO()
        Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(stream, "JPEG")
        encoded.append(stream.getvalue())
    for number in range(10):
        os.makedirs(folder / f"class{number}")
    for number in range(count):
        (folder / f"class{number % 10}" / f"{number:06}.jpg").write_bytes(encoded[number % 100])
    return folder
