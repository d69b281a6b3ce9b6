"""`fit` on the NumPy engine, with our own kernels and without, against a plain PyTorch loop over the same network.

Processor time on one thread. The control is the plain loop once more: its ratio, which would be 1, shows the machine's noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fittool as ft
from fittool.kernels.library import find_library
from fittool.nn.presets import PRESETS
from tests.benchmarks.measuring import Figure, side_by_side
from tests.benchmarks.torch_loop import SAMPLES, Clock, plain_epochs, plain_network

WANTED = {"simple_cnn": 1.15, "resnet20": 0.95, "depthwise": 1.0, "digits-mlp": 4.0}
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1))
"""Filters and strides of the blocks of a network like MobileNet, for images of 32 x 32."""


def figures(turns: int) -> list[Figure]:
    library, reason = find_library()
    try:
        import torch
    except ImportError:
        return [Figure("plain loop against fit", None, 1.0, note="PyTorch is not installed")]
    if library is None:
        return [Figure("plain loop against fit", None, 1.0, note=reason)]
    torch.set_num_threads(1)
    found = []
    for name, wanted in WANTED.items():
        for batch in (32, 128):
            x, y = _data(name)
            plain = plain_epochs(name, x, y, batch, _plain(name))
            sides = {
                "plain": plain,
                "kernels": _epochs(name, x, y, batch, "native"),
                "numpy": _epochs(name, x, y, batch, "numpy"),
            }
            took = side_by_side({**sides, "control": plain}, turns)
            note = ", ".join(f"{side} {1e3 * value:.1f} ms" for side, value in took.items())
            note += f" an epoch; control {took['plain'] / took['control']:.2f}, numpy {took['plain'] / took['numpy']:.2f}"
            found.append(Figure(f"{name}, batch {batch}: plain loop / fit", took["plain"] / took["kernels"], wanted, note=note))
    return found


def _data(name: str) -> tuple[np.ndarray, np.ndarray]:
    generator, samples = np.random.default_rng(0), SAMPLES.get(name, 256)
    y = generator.integers(0, 10, samples)
    if name == "digits-mlp":
        return generator.random((samples, 64), np.float32), y
    return generator.integers(0, 256, (samples, 32, 32, 3), np.uint8), y


def _epochs(name: str, x: np.ndarray, y: np.ndarray, batch: int, kernels: str) -> Callable[[], float]:
    """One epoch of `fit`, timed between its ends."""
    engine = {"numpy": {"threads": 1, "kernels": kernels}}
    model = ft.Model(_layers(name), input_shape=x.shape[1:], engine=engine)
    model.compile("adam", "sparse_categorical_crossentropy")
    clock = Clock()

    def epoch() -> float:
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0, callbacks=[clock])
        return clock.took

    return epoch


def _layers(name: str) -> list[Any]:
    if name == "digits-mlp":
        sizes: list[Any] = [{"Dense": {"units": units, "activation": "relu"}} for units in (128, 64)]
        return [*sizes, {"Dense": {"units": 10, "activation": "softmax"}}]
    if name != "depthwise":
        return list(PRESETS.parse(name).expand(10))
    first = {"Conv2D": {"filters": 32, "kernel_size": 3, "padding": "same", "use_bias": False}}
    layers: list[Any] = [{"Rescaling": {"scale": 1 / 255}}, first, "BatchNormalization", "ReLU"]
    for filters, strides in BLOCKS:
        layers.append({"DepthwiseConv2D": {"kernel_size": 3, "strides": strides, "padding": "same", "use_bias": False}})
        layers += ["BatchNormalization", "ReLU", {"Conv2D": {"filters": filters, "kernel_size": 1, "use_bias": False}}]
        layers += ["BatchNormalization", "ReLU"]
    return [*layers, "GlobalAveragePooling2D", {"Dense": {"units": 10, "activation": "softmax"}}]


def _plain(name: str) -> Any:
    if name != "depthwise":
        return plain_network(name)
    from torch import nn

    before, layers = 32, [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(True)]
    for filters, strides in BLOCKS:
        layers += [nn.Conv2d(before, before, 3, strides, 1, groups=before, bias=False), nn.BatchNorm2d(before), nn.ReLU(True)]
        layers += [nn.Conv2d(before, filters, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(True)]
        before = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))
