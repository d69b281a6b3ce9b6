"""One piece of work, in words that every peer understands, and what it is done on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

DIGITS = Path(__file__).parents[3] / "sample_data" / "digits.npz"
TIME_STEPS, FEATURES = 100, 64
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1))
"""Filters and strides of the blocks of the network `depthwise`, which is like MobileNet, for images of 32 x 32."""
CLASSIC: dict[str, Any] = {
    "rotation_range": 20,
    "zoom_range": 0.15,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 0.15,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}
"""The augmentation of Keras's classic example."""


@dataclass(frozen=True)
class Work:
    """What a peer is asked to do once, and to time.

    Attributes:
        kind: An epoch of training, `predict` on all samples, or batches out of `ImageDataGenerator.flow`.
        network: Which one; for `flow` the side of the images.
        batch: Samples in a batch.
        samples: Samples in all.
        threads: How many may compute.
        kernels: Of fittool's engine on NumPy.
        epochs: How many are timed together.
        before: Epochs of training that come before those that are timed.
        anew: Whether each turn begins with new weights.
    """

    kind: Literal["fit", "predict", "flow"]
    network: str
    batch: int
    samples: int
    threads: int = 1
    kernels: str = "auto"
    epochs: int = 1
    before: int = 0
    anew: bool = False


@dataclass(frozen=True)
class Took:
    """Seconds of the processor, all threads together, and on the clock."""

    processor: float
    wall: float

    def __add__(self, other: Took) -> Took:
        """Both, one after the other."""
        return Took(self.processor + other.processor, self.wall + other.wall)


class Stopwatch:
    """The time since it was made."""

    def __init__(self) -> None:
        self._processor, self._wall = time.process_time(), time.perf_counter()

    def took(self) -> Took:
        return Took(time.process_time() - self._processor, time.perf_counter() - self._wall)


Turn = Callable[[], Took]
"""Does the work once; what need not be timed is done before."""


def timed(work: Callable[[], object]) -> Took:
    """How long all of some work takes."""
    watch = Stopwatch()
    work()
    return watch.took()


def arrays(work: Work) -> tuple[Any, Any]:
    """Inputs and class numbers: digits (samples, 64) in 0 to 1, steps (samples, 100, 64), or uint8 images (samples, h, w, 3).

    The digits are real, as some of the time depends on what is learnt; speed does not depend on what the others show.
    """
    generator = np.random.default_rng(0)
    if work.network == "digits-mlp":
        with np.load(DIGITS) as file:
            chosen = np.arange(work.samples) % len(file["y"])
            return (file["x"].reshape(-1, 64) / np.float32(255))[chosen], file["y"][chosen]
    y = generator.integers(0, 10, work.samples)
    if work.network == "lstm":
        return generator.standard_normal((work.samples, TIME_STEPS, FEATURES), np.float32), y
    side = int(work.network) if work.kind == "flow" else 32
    return generator.integers(0, 256, (work.samples, side, side, 3), np.uint8), y


def peak_bytes() -> int:
    """The most memory that this process has had."""
    if sys.platform == "linux":  # where ru_maxrss counts the process that started this one, too
        status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
