"""Everything about the PyTorch engine on a graphics card, checked and timed in one call of a few minutes, as a table.

    python -m tests.benchmarks.gpu                      on the first card
    CIFAR10=/data/cifar10 python -m tests.benchmarks.gpu   trains on CIFAR-10 too: folders train/ and test/, one for each class
    python -m tests.benchmarks.gpu --device cpu         a test of the script itself, with less of everything

Needs the extra `torch` and pytest. The exit code is 1 if a check fails or a figure is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fittool.augmentation.augment import augment
from fittool.augmentation.crops import RandomErasing
from fittool.augmentation.settings import Augmentation
from fittool.data.batch import Batch
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.loading.selection import Selection
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.registry import memory_estimate
from fittool.engines.settings import Torch
from fittool.errors import MachineError
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError, SparseCategoricalCrossentropy
from fittool.nn.metrics import SparseCategoricalAccuracy
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import SGD, Adam
from fittool.nn.presets import PRESETS
from tests.benchmarks.measuring import Figure, shown, side_by_side

ROOT = Path(__file__).parents[2]
TYPICAL = Augmentation(rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True)
ALL_CHANGES = replace(
    TYPICAL, fill_mode="constant", channel_shift_range=20, brightness_range=(0.5, 1.5), contrast_range=(0.5, 1.5), hue_range=20,
    saturation_range=(0.5, 1.5), blur=(0.0, 1.0), inversion=0.2, random_erasing=RandomErasing(),
)  # fmt: skip
LIMIT = 440.0
"""Seconds after which nothing long is begun any more."""


def figures(turns: int) -> list[Figure]:
    """For `python -m tests.benchmarks`: only where there is a card."""
    try:
        import torch
    except ImportError:
        return [Figure("everything on a graphics card", None, 1.0, note="PyTorch is not installed")]
    if not torch.cuda.is_available():
        return [Figure("everything on a graphics card", None, 1.0, note="there is none")]
    return list(Bench("cuda", turns).figures())


class Bench:
    """All checks and times on one device."""

    def __init__(self, device: str, turns: int) -> None:
        self.device, self.turns, self.small = device, turns, device == "cpu"
        self._began = time.perf_counter()

    def figures(self) -> Iterator[Figure]:
        checks: list[Callable[[], str]] = [
            self.layers_agree, self.masks_agree, self.pictures_agree, self.a_run_goes_on, self.no_host_waits, self.half_precision,
            self.recompute, self.memory_is_told, self.memory_is_estimated, self.compiled,
        ]  # fmt: skip
        for check in checks:
            yield self._checked(check)
        yield from (self.resnet18(), self.put_ahead(), self.held())
        if os.environ.get("CIFAR10"):
            yield self.cifar10()

    def _checked(self, check: Callable[[], str]) -> Figure:
        name = check.__name__.replace("_", " ")
        if time.perf_counter() - self._began > LIMIT:
            return Figure(name, None, 1.0, note="no time was left")
        try:
            return Figure(name, 1.0, 1.0, note=check())
        except Exception:  # the table is to be whole, whatever is wrong
            traceback.print_exc()
            return Figure(name, 0.0, 1.0, note="see above")

    def engine(self, graph: Graph, setting: Torch | None = None, **options: Any) -> Any:
        from fittool.engines.torch_engine import TorchEngine

        options = {"loss": SparseCategoricalCrossentropy(), "optimizer": Adam(), "seed": 3, **options}
        return TorchEngine(graph, replace(setting or Torch(), device=self.device), **options)

    def layers_agree(self) -> str:
        """Two steps of every layer in float32 here and on the NumPy engine."""
        sys.path.insert(0, str(ROOT / "tests"))
        from tests.engines.test_numpy_gradients import CASES

        worst = (0.0, "")
        for layer, shape in CASES[:: 7 if self.small else 1]:
            worst = max(worst, (self._distance(layer, shape), type(layer).__name__))
        assert worst[0] < 2e-4, worst
        return f"{len(CASES)} layers, at most {worst[0]:.1e} apart ({worst[1]})"

    def _distance(self, layer: nn.Layer, shape: tuple[int, ...]) -> float:
        indices = isinstance(layer, nn.Embedding | nn.ColumnEmbedding)
        graph = Graph.build([layer] if indices else [nn.Dense(shape[-1], name="before"), layer], {"x": shape})
        generator = np.random.default_rng(5)
        x = generator.integers(0, 4, (3, *shape)) if indices else generator.standard_normal((3, *shape))
        (form,) = graph.output_shapes.values()
        batch = Batch((x,), (generator.standard_normal((3, *form)),))
        options: dict[str, Any] = {"loss": MeanSquaredError(), "optimizer": SGD(0.01), "target_shape": form, "seed": 3}
        pair = NumpyEngine(graph, threads=1, **options), self.engine(graph, **options)
        for engine in pair:
            engine.train_step(batch)
            engine.train_step(batch)
        one, other = (engine.state(("weights",)) for engine in pair)
        return max((float(np.abs(one[name] - other[name]).max()) for name in one), default=0.0)

    def masks_agree(self) -> str:
        """The decisions of dropout, made on the device, are those of the processor."""
        import torch

        from fittool.engines.torch_engine.step import StepContext
        from fittool.nn.random_stream import RandomStream

        here = StepContext(torch.device(self.device), 5).begin(3, training=True)
        here.on_host = False
        host = StepContext(torch.device("cpu"), 5).begin(3, training=True)
        stream = RandomStream("dropout", 2)
        assert torch.equal(here.kept(stream, 0.3, 64, 1001).cpu(), host.kept(stream, 0.3, 64, 1001))
        return "64,064 decisions"

    def pictures_agree(self) -> str:
        """Batches that are made on the device, of samples that lie there, are those that the processor makes."""
        import torch

        sys.path.insert(0, str(ROOT / "tests"))
        from tests.engines.test_torch_images import CHANGES

        engine, worst, same = self.engine(_network("simple_cnn")), 0, 0.0
        for changes in CHANGES.values():
            held, plain = self._loader(128, Augmentation(**changes), engine), self._loader(128, Augmentation(**changes))
            (made,), images = engine.put(next(held.batches(0))).inputs, next(plain.batches(0)).inputs[0]
            torch.accelerator.synchronize() if self.device != "cpu" else None
            apart = np.abs(made.cpu().numpy().astype(int) - images)
            worst, same = max(worst, int(apart.max())), same + float((apart == 0).mean()) / len(CHANGES)
        assert worst <= 1, worst
        return f"{len(CHANGES)} kinds of changes, {same:.2%} of the bytes the same, at most {worst} grey level apart"

    def _loader(self, samples: int, augmentation: Augmentation | None, engine: Any = None) -> DatasetLoader:
        """Batches of 64, or of all in a test of the script; of samples that an engine holds, or of arrays."""
        x, y = _data("simple_cnn", samples)
        dataset, changes = ArrayDataset(x, (y,)), None if augmentation is None else partial(augment, augmentation)
        loader = DatasetLoader(dataset, min(samples, 512), 3, augment=changes)
        if engine is not None:
            engine.hold(dataset)
            loader.select_from(Selection(dataset, None, augmentation))
        return loader

    def a_run_goes_on(self) -> str:
        """A state from here, loaded on the NumPy engine, trains on with the same losses."""
        graph, batches = _network("digits"), _batches("digits", 32, 8)
        options: dict[str, Any] = {"loss": SparseCategoricalCrossentropy(), "optimizer": SGD(0.05, momentum=0.9), "seed": 3}
        here, numpy = self.engine(graph, **options), NumpyEngine(graph, threads=1, **options)
        _losses(here, batches[:4])
        numpy.load_state(here.state())
        np.testing.assert_allclose(_losses(here, batches[4:]), _losses(numpy, batches[4:]), rtol=1e-4)
        return "4 steps here, then 4 on both"

    def no_host_waits(self) -> str:
        """PyTorch itself raises where a step waits for the device."""
        graph, batches = _network("simple_cnn"), _batches("simple_cnn", 32, 5)
        engine = self.engine(graph, metrics=(SparseCategoricalAccuracy(),), skips_bad_steps=True)
        engine.train_step(batches[0])
        held = self._loader(96, ALL_CHANGES, engine).batches(0)
        engine.train_step(next(held))
        with self._waits_are_errors():
            for batch in batches[1:]:
                engine.train_step(engine.put(batch))
                engine.test_step(engine.put(batch))
                engine.train_step(engine.put(next(held)))
        assert engine.health.first_bad_step is None
        return "8 steps of training, 4 of them on samples that are there, and 4 tests"

    @contextmanager
    def _waits_are_errors(self) -> Iterator[None]:
        import torch

        if self.device == "cpu":
            yield
            return
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")

    def half_precision(self) -> str:
        """Losses in tf32, bf16 and float16 are near those in float32."""
        graph, batches = _network("simple_cnn"), _batches("simple_cnn", 32, 3 if self.small else 20)
        exact = _losses(self.engine(graph), batches)
        notes = []
        for precision in ("tf32", "bf16") if self.small else ("tf32", "bf16", "float16"):
            near = _losses(self.engine(graph, Torch(precision=precision)), batches)
            distance = float(np.max(np.abs(np.array(near) / exact - 1)))
            assert distance < 0.1, (precision, distance)
            notes.append(f"{precision} {distance:.1e}")
        return ", ".join(notes)

    def recompute(self) -> str:
        """Less memory for the same losses."""
        graph, batches = _network("simple_cnn"), _batches("simple_cnn", 16 if self.small else 512, 3)
        notes, losses = [], []
        for layers in ((), ("*",)):
            engine = self.engine(graph, Torch(recompute=layers))
            losses.append(_losses(engine, batches))
            notes.append(self._peak())
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
        assert self.device == "cpu" or notes[1] < notes[0], notes
        return f"{notes[0]} MiB kept, {notes[1]} MiB recomputed" if self.device != "cpu" else "the same losses"

    def _peak(self) -> int:
        import torch

        if self.device == "cpu":
            return 0
        peak = torch.cuda.max_memory_allocated() >> 20
        torch.cuda.reset_peak_memory_stats()
        return int(peak)

    def memory_is_told(self) -> str:
        """A batch that cannot fit ends with what to set, and the engine works on afterwards."""
        import torch

        engine, batches = self.engine(_network("digits")), _batches("digits", 32, 2)
        run, engine._run = engine._run, lambda *_: torch.empty(1 << 50, device=self.device)
        try:
            engine.train_step(batches[0])
        except MachineError as error:
            engine._run = run
            engine.train_step(batches[1])
            return str(error)[:60] + "…"
        raise AssertionError("a petabyte was allocated")

    def memory_is_estimated(self) -> str:
        """What a step takes at its peak is about what is said before."""
        import torch

        if self.device == "cpu":
            return "left out on the processor, where the tests have it"
        graph, optimizer, notes = _network("resnet18"), SGD(0.1, momentum=0.9), []
        x, y = _data("resnet18", 512)
        for precision in ("float32", "bf16"):
            setting = Torch(device=self.device, precision=precision)  # type: ignore[arg-type]
            objectives = {graph.outputs[0]: Objective(SparseCategoricalCrossentropy())}
            needed = memory_estimate(setting, graph, objectives, optimizer, 512, of_sample=x[0].nbytes)
            torch.cuda.empty_cache()
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            engine = self.engine(graph, setting, optimizer=optimizer)
            for _ in range(3):
                engine.train_step(Batch((x,), (y,)))
            ratio = needed.total / (torch.cuda.max_memory_allocated() - before)
            assert 0.6 < ratio < 1.6, (precision, ratio)
            notes.append(f"{precision} {ratio:.2f} of the peak")
            engine.close()
        return ", ".join(notes)

    def compiled(self) -> str:
        """A compiled network, and one with recorded calls, have the losses of the plain one."""
        if self.small:
            return "left out on the processor"
        graph, batches = _network("simple_cnn"), _batches("simple_cnn", 128, 12)
        plain, notes = _losses(self.engine(graph), batches), []
        for setting in (Torch(compile=True), Torch(cuda_graphs=True)):
            start = time.perf_counter()
            np.testing.assert_allclose(_losses(self.engine(graph, setting), batches), plain, rtol=2e-2)
            notes.append(f"{time.perf_counter() - start:.0f} s")
        return f"compiled {notes[0]}, recorded {notes[1]}"

    def resnet18(self) -> Figure:
        """ResNet-18 in bf16 against a loop by hand with the same options."""
        batch, steps = (4, 2) if self.small else (512, 30)
        x, y = _data("resnet18", batch)
        took = side_by_side(
            {"plain": lambda: self._plain(x, y, steps), "engine": lambda: self._ours(Batch((x,), (y,)), steps)}, self.turns
        )
        note = ", ".join(f"{name} {batch * steps / value:,.0f} images/s" for name, value in took.items())
        return Figure(
            "ResNet-18, bf16: plain loop / engine", took["plain"] / took["engine"], 0.0 if self.small else 0.95, note=note
        )

    def _ours(self, batch: Batch, steps: int) -> float:
        engine = self.engine(_network("resnet18"), Torch(precision="bf16"), optimizer=SGD(0.1, momentum=0.9, nesterov=True))
        held = engine.put(batch)
        engine.train_step(held)
        return self._seconds(lambda: [engine.train_step(held) for _ in range(steps)])

    def _plain(self, x: np.ndarray, y: np.ndarray, steps: int) -> float:
        import torch
        from torch.nn import functional

        from tests.benchmarks.torch_loop import plain_resnet18

        network = plain_resnet18().to(self.device, memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, fused=True)
        inputs = torch.from_numpy(x).to(self.device).permute(0, 3, 1, 2)
        targets = torch.from_numpy(y).to(self.device)

        def step() -> None:
            with torch.autocast(self.device, torch.bfloat16):
                loss = functional.cross_entropy(network(inputs / 255), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        step()
        return self._seconds(lambda: [step() for _ in range(steps)])

    def put_ahead(self) -> Figure:
        """What bringing uint8 batches from the host adds to steps on batches that are there."""
        batch, steps = (4, 2) if self.small else (512, 30)
        engine = self.engine(_network("resnet18"), Torch(precision="bf16"))
        x, y = _data("resnet18", batch)
        held = engine.put(Batch((x,), (y,)))
        engine.train_step(held)

        def carried() -> None:
            ahead = engine.put(Batch((x,), (y,)))
            for _ in range(steps):
                now, ahead = ahead, engine.put(Batch((x,), (y,)))
                engine.train_step(now)

        sides = {
            "there": lambda: self._seconds(lambda: [engine.train_step(held) for _ in range(steps)]),
            "carried": lambda: self._seconds(carried),
        }
        took = side_by_side(sides, self.turns)
        return Figure(
            "batches from the host against batches there", took["carried"] / took["there"], 9.9 if self.small else 1.05, most=True
        )

    def held(self) -> Figure:
        """What choosing and augmenting on the device adds to steps on batches that are there."""
        batch, steps = (4, 2) if self.small else (512, 30)
        engine = self.engine(_network("resnet18"), Torch(precision="bf16"))
        x, y = _data("resnet18", batch)
        there, batches = engine.put(Batch((x,), (y,))), self._loader(batch * 8, TYPICAL, engine).batches(0)
        engine.train_step(there)

        def held() -> None:
            ahead = engine.put(next(batches))
            for _ in range(steps):
                now, ahead = ahead, engine.put(next(batches))
                engine.train_step(now)

        sides = {
            "there": lambda: self._seconds(lambda: [engine.train_step(there) for _ in range(steps)]),
            "held": lambda: self._seconds(held),
        }
        took = side_by_side(sides, self.turns)
        name = "batches made and augmented on the device against batches there"
        return Figure(name, took["held"] / took["there"], 99.0 if self.small else 1.05, most=True)

    def _seconds(self, work: Callable[[], object]) -> float:
        import torch

        start = time.perf_counter()
        work()
        if self.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start

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
    import json

    row: dict[str, Any] = json.loads(line)
    return row


def _network(name: str) -> Graph:
    if name == "digits":
        layers = [nn.Dense(128, "relu"), nn.Dropout(0.2), nn.Dense(64, "relu"), nn.Dense(10, "softmax")]
        return Graph.build(layers, {"x": (64,)})
    preset: Any = {"resnet_imagenet": {"depth": 18, "stem": "small"}} if name == "resnet18" else name
    return Graph.build(PRESETS.parse(preset).expand(10), {"x": (32, 32, 3)})


def _data(name: str, samples: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 10, samples)
    if name == "digits":
        return generator.random((samples, 64), np.float32), y
    return generator.integers(0, 256, (samples, 32, 32, 3), np.uint8), y


def _batches(name: str, size: int, count: int) -> list[Batch]:
    x, y = _data(name, size * count)
    return [Batch((x[at : at + size],), (y[at : at + size],)) for at in range(0, size * count, size)]


def _losses(engine: Any, batches: list[Batch]) -> list[float]:
    """The loss of each step."""
    found = []
    for batch in batches:
        engine.reset_metrics()
        engine.train_step(batch)
        found.append(engine.metrics()["loss"])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu for a test of the script itself")
    parser.add_argument("--turns", type=int, help="how often each side is measured; by default 5, on the processor 1")
    arguments = parser.parse_args()
    turns = arguments.turns or (1 if arguments.device == "cpu" else 5)
    missed = 0
    for figure in Bench(arguments.device, turns).figures():
        print(shown("gpu", figure), flush=True)
        missed += not figure.reached
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
