"""What is timed on a card: our loop against one by hand, batches from the host, and a speed configuration on real data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fittool.data.batch import Batch
from fittool.engines.settings import Torch
from fittool.nn.optimizers import SGD
from tests.benchmarks.gpu.card import TYPICAL, Card, network_named, random_data
from tests.benchmarks.machine import ROOT
from tests.benchmarks.measuring import Figure, side_by_side


class Times(Card):
    """All of them."""

    def figures(self) -> Iterator[Figure]:
        yield from (self.resnet18(), self.put_ahead(), self.held())
        if os.environ.get("CIFAR10"):
            yield self.cifar10()

    def resnet18(self) -> Figure:
        """ResNet-18 in bf16 against a loop by hand with the same options."""
        batch, steps = (4, 2) if self.small else (512, 30)
        x, y = random_data("resnet18", batch)
        sides = {"plain": lambda: self._plain(x, y, steps), "engine": lambda: self._ours(Batch((x,), (y,)), steps)}
        took = side_by_side(sides, self.turns, warm=not self.small)
        note = ", ".join(f"{name} {batch * steps / value:,.0f} images/s" for name, value in took.items())
        return Figure(
            "ResNet-18, bf16: plain loop / engine", took["plain"] / took["engine"], 0.0 if self.small else 0.95, note=note
        )

    def _ours(self, batch: Batch, steps: int) -> float:
        engine = self.engine(network_named("resnet18"), Torch(precision="bf16"), optimizer=SGD(0.1, momentum=0.9, nesterov=True))
        held = engine.put(batch)
        engine.train_step(held)
        return self.seconds(lambda: [engine.train_step(held) for _ in range(steps)])

    def _plain(self, x: np.ndarray, y: np.ndarray, steps: int) -> float:
        import torch
        from torch.nn import functional

        from tests.benchmarks.peers.torch_networks import resnet18

        plain = resnet18().to(self.device, memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9, nesterov=True, fused=True)
        inputs = torch.from_numpy(x).to(self.device).permute(0, 3, 1, 2)
        targets = torch.from_numpy(y).to(self.device)

        def step() -> None:
            with torch.autocast(self.device, torch.bfloat16):
                loss = functional.cross_entropy(plain(inputs / 255), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        step()
        return self.seconds(lambda: [step() for _ in range(steps)])

    def put_ahead(self) -> Figure:
        """What bringing uint8 batches from the host adds to steps on batches that are there."""
        batch, steps = (4, 2) if self.small else (512, 30)
        engine = self.engine(network_named("resnet18"), Torch(precision="bf16"))
        x, y = random_data("resnet18", batch)
        held = engine.put(Batch((x,), (y,)))
        engine.train_step(held)

        def carried() -> None:
            ahead = engine.put(Batch((x,), (y,)))
            for _ in range(steps):
                now, ahead = ahead, engine.put(Batch((x,), (y,)))
                engine.train_step(now)

        sides = {
            "there": lambda: self.seconds(lambda: [engine.train_step(held) for _ in range(steps)]),
            "carried": lambda: self.seconds(carried),
        }
        took = side_by_side(sides, self.turns, warm=not self.small)
        return Figure(
            "batches from the host against batches there", took["carried"] / took["there"], 9.9 if self.small else 1.05, most=True
        )

    def held(self) -> Figure:
        """What choosing and augmenting on the device adds to steps on batches that are there."""
        batch, steps = (4, 2) if self.small else (512, 30)
        engine = self.engine(network_named("resnet18"), Torch(precision="bf16"))
        x, y = random_data("resnet18", batch)
        there, batches = engine.put(Batch((x,), (y,))), self.loader(batch * 8, TYPICAL, engine).batches(0)
        engine.train_step(there)

        def held() -> None:
            ahead = engine.put(next(batches))
            for _ in range(steps):
                now, ahead = ahead, engine.put(next(batches))
                engine.train_step(now)

        sides = {
            "there": lambda: self.seconds(lambda: [engine.train_step(there) for _ in range(steps)]),
            "held": lambda: self.seconds(held),
        }
        took = side_by_side(sides, self.turns, warm=not self.small)
        name = "batches made and augmented on the device against batches there"
        return Figure(name, took["held"] / took["there"], 99.0 if self.small else 1.05, most=True)

    def cifar10(self) -> Figure:
        """The accuracy that the speed configuration comes to, and its seconds of training."""
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "fittool", "train", "configs/gpu/cifar10_speed.yaml", "--run-dir", f"{folder}/run"]
            subprocess.run([*command, "--quiet", "--set", f"engine.torch.device={self.device}"], cwd=ROOT, check=True)
            rows = [_row(line) for line in Path(folder, "run", "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        seconds = sum(row["seconds"] for row in rows[1:])
        best = max(row["val_accuracy"] for row in rows)
        return Figure("CIFAR-10: accuracy of the speed configuration", best, 0.92, note=f"{seconds:.1f} s after the first epoch")


def _row(line: str) -> dict[str, Any]:
    """One row of a run's log."""
    row: dict[str, Any] = json.loads(line)
    return row
