"""The PyTorch engine against a plain PyTorch loop over the same networks, in processor time: what our loop costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fittool as ft
from tests.benchmarks.measuring import Figure, side_by_side

WANTED = {"digits-mlp": 0.9, "simple_cnn": 0.97, "resnet20": 0.97}
SAMPLES = {"digits-mlp": 1797, "simple_cnn": 640, "resnet20": 256}


def figures(turns: int) -> list[Figure]:
    try:
        import torch
    except ImportError:
        return [Figure("plain loop against the engine", None, 1.0, note="PyTorch is not installed")]
    torch.set_num_threads(1)
    found = []
    for name, wanted in WANTED.items():
        for batch in (32, 128):
            x, y = data(name)
            sides = {"plain": plain_epochs(name, x, y, batch), "ours": our_epochs(name, x, y, batch)}
            took = side_by_side(sides, turns)
            note = ", ".join(f"{side} {1e3 * value:.0f} ms" for side, value in took.items()) + " an epoch"
            found.append(Figure(f"{name}, batch {batch}: plain loop / engine", took["plain"] / took["ours"], wanted, note=note))
    return [*found, from_start_to_end(turns)]


SCRIPT = """
import sys
import numpy as np
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(1)
with np.load(sys.argv[1]) as file:
    x, y = torch.from_numpy(file["x"]).permute(0, 3, 1, 2) / 255, torch.from_numpy(file["y"]).long()
first = len(x) * 4 // 5
network = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(True), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(),
    nn.Dropout(0.25), nn.Linear(512, 64), nn.ReLU(True), nn.Dropout(0.25), nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(network.parameters(), 0.002, fused=True)
for epoch in range(4):
    order, right = torch.randperm(first), 0
    network.train()
    for chosen in order.split(32):
        loss = functional.cross_entropy(network(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        for inputs, targets in zip(x[first:].split(32), y[first:].split(32)):
            right += int((network(inputs).argmax(1) == targets).sum())
"""
"""The training of configs/digits_fit.yaml, four epochs, by hand."""


def from_start_to_end(turns: int) -> Figure:
    """What a command adds to a script that does the same with PyTorch alone, in seconds of processor time."""
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        settings = ("--engine", "torch", "--set", "train.epochs=4", "--set", f"output.dir={folder}")
        command = ["-m", "fittool", "train", str(root / "configs" / "digits_fit.yaml"), "--quiet", *settings]
        script = ["-c", SCRIPT, str(root / "sample_data" / "digits.npz")]
        took = side_by_side({"script": lambda: _processor_time(script), "command": lambda: _processor_time(command)}, turns)
    note = ", ".join(f"{side} {value:.2f} s" for side, value in took.items())
    return Figure("4 epochs of digits, command - script, in seconds", took["command"] - took["script"], 0.5, most=True, note=note)


def _processor_time(arguments: list[str]) -> float:
    """Seconds that a Python takes of one processor, from its start to its end."""
    kept = {"OMP_NUM_THREADS": "1", "FITTOOL_VIEW_METRICS": "false", "PYTHONPATH": str(Path(__file__).parents[2])}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-W", "ignore", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **kept})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Random rows or images, as speed does not depend on what they show, and class numbers."""
    generator, samples = np.random.default_rng(0), SAMPLES[name]
    y = generator.integers(0, 10, samples)
    if name == "digits-mlp":
        return generator.random((samples, 64), np.float32), y
    return generator.integers(0, 256, (samples, 32, 32, 3), np.uint8), y


def our_epochs(name: str, x: np.ndarray, y: np.ndarray, batch: int, engine: Any = None) -> Callable[[], float]:
    """One epoch of `fit`, timed between its ends."""
    preset = {"digits-mlp": {"mlp": {}}, "simple_cnn": "simple_cnn", "resnet20": "resnet20"}[name]
    from fittool.nn.presets import PRESETS

    layers = PRESETS.parse(preset).expand(10)
    setting = {"torch": {"device": "cpu", "threads": 1}} if engine is None else engine
    model = ft.Model(layers, input_shape=x.shape[1:], engine=setting)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()

    def epoch() -> float:
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0, callbacks=[clock])
        return clock.took

    return epoch


class Clock(ft.callbacks.Callback):
    took = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.took = time.process_time() - self._start


def plain_epochs(name: str, x: np.ndarray, y: np.ndarray, batch: int, own: Any = None) -> Callable[[], float]:
    """The loop as PyTorch's tutorials have it, with the fused optimizer and the channels last."""
    import torch
    from torch.nn import functional

    inputs, targets, network = torch.from_numpy(x), torch.from_numpy(y), plain_network(name) if own is None else own
    if inputs.ndim == 4:
        inputs = (inputs.permute(0, 3, 1, 2) / 255).contiguous(memory_format=torch.channels_last)
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)

    def epoch() -> float:
        start, order = time.process_time(), torch.randperm(len(inputs))
        for first in range(0, len(inputs), batch):
            chosen = order[first : first + batch]
            loss = functional.cross_entropy(network(inputs[chosen]), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.process_time() - start

    return epoch


def plain_network(name: str) -> Any:
    """The network written in PyTorch."""
    from torch import nn

    if name == "digits-mlp":
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    if name == "simple_cnn":
        blocks: list[Any] = []
        for before, filters in ((3, 32), (32, 64)):
            blocks += [nn.Conv2d(before, filters, 3, padding=1), nn.ReLU(True), nn.Conv2d(filters, filters, 3), nn.ReLU(True)]
            blocks += [nn.MaxPool2d(2), nn.Dropout(0.25)]
        last = [nn.Linear(2304, 512), nn.ReLU(True), nn.Dropout(0.5), nn.Linear(512, 10)]
        return nn.Sequential(*blocks, nn.Flatten(), *last)
    layers: list[Any] = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True)]
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            strides = 2 if stage and not block else 1
            layers.append(_block(filters // strides, filters, strides))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def _block(before: int, filters: int, strides: int) -> Any:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(before, filters, 3, strides, 1, bias=False)
            self.second = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            self.norms = nn.ModuleList(nn.BatchNorm2d(filters) for _ in range(2))
            turned = nn.Conv2d(before, filters, 1, strides, bias=False)
            same = strides == 1 and before == filters
            self.shortcut = nn.Identity() if same else nn.Sequential(turned, nn.BatchNorm2d(filters))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inner = torch.relu_(self.norms[0](self.first(x)))
            return torch.relu_(self.norms[1](self.second(inner)) + self.shortcut(x))

    return Block()


def plain_resnet18(classes: int = 10) -> Any:
    """ResNet-18 for images of 32 x 32."""
    from torch import nn

    layers: list[Any] = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)]
    before = 64
    for stage in range(4):
        for block in range(2):
            filters = 64 * 2**stage
            layers.append(_block(before, filters, 2 if stage and not block else 1))
            before = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))
