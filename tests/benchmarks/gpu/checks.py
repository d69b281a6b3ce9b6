"""What must hold on a card: the same numbers as on the processor, no waiting for the device, memory that is known before."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fittool.augmentation.settings import Augmentation
from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.registry import memory_estimate
from fittool.engines.settings import Torch
from fittool.errors import MachineError
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError, SparseCategoricalCrossentropy
from fittool.nn.metrics import SparseCategoricalAccuracy
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import SGD
from tests.benchmarks.gpu.card import ALL_CHANGES, Card, make_batches, network_named, random_data, training_losses
from tests.benchmarks.machine import ROOT
from tests.benchmarks.measuring import Figure

LIMIT = 440.0
"""Seconds after which nothing long is begun any more."""


class Checks(Card):
    """All of them, as figures that are 1 where a check holds."""

    def figures(self) -> Iterator[Figure]:
        self._began = time.perf_counter()
        checks: list[Callable[[], str]] = [
            self.layers_agree, self.masks_agree, self.pictures_agree, self.a_run_goes_on, self.no_host_waits, self.half_precision,
            self.recompute, self.memory_is_told, self.memory_is_estimated, self.compiled,
        ]  # fmt: skip
        for check in checks:
            yield self._checked(check)

    def _checked(self, check: Callable[[], str]) -> Figure:
        name = check.__name__.replace("_", " ")
        if time.perf_counter() - self._began > LIMIT:
            return Figure(name, None, 1.0, note="no time was left")
        try:
            return Figure(name, 1.0, 1.0, note=check())
        except Exception:  # the table is to be whole, whatever is wrong
            traceback.print_exc()
            return Figure(name, 0.0, 1.0, note="see above")

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

        engine, worst, same = self.engine(network_named("simple_cnn")), 0, 0.0
        for changes in CHANGES.values():
            held, plain = self.loader(128, Augmentation(**changes), engine), self.loader(128, Augmentation(**changes))
            (made,), images = engine.put(next(held.batches(0))).inputs, next(plain.batches(0)).inputs[0]
            torch.accelerator.synchronize() if self.device != "cpu" else None
            apart = np.abs(made.cpu().numpy().astype(int) - images)
            worst, same = max(worst, int(apart.max())), same + float((apart == 0).mean()) / len(CHANGES)
        assert worst <= 1, worst
        return f"{len(CHANGES)} kinds of changes, {same:.2%} of the bytes the same, at most {worst} grey level apart"

    def a_run_goes_on(self) -> str:
        """A state from here, loaded on the NumPy engine, trains on with the same losses."""
        graph, batches = network_named("digits"), make_batches("digits", 32, 8)
        options: dict[str, Any] = {"loss": SparseCategoricalCrossentropy(), "optimizer": SGD(0.05, momentum=0.9), "seed": 3}
        here, numpy = self.engine(graph, **options), NumpyEngine(graph, threads=1, **options)
        training_losses(here, batches[:4])
        numpy.load_state(here.state())
        np.testing.assert_allclose(training_losses(here, batches[4:]), training_losses(numpy, batches[4:]), rtol=1e-4)
        return "4 steps here, then 4 on both"

    def no_host_waits(self) -> str:
        """PyTorch itself raises where a step waits for the device."""
        graph, batches = network_named("simple_cnn"), make_batches("simple_cnn", 32, 5)
        engine = self.engine(graph, metrics=(SparseCategoricalAccuracy(),), skips_bad_steps=True)
        engine.train_step(batches[0])
        held = self.loader(96, ALL_CHANGES, engine).batches(0)
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
        graph, batches = network_named("simple_cnn"), make_batches("simple_cnn", 32, 3 if self.small else 20)
        exact = training_losses(self.engine(graph), batches)
        notes = []
        for precision in ("tf32", "bf16") if self.small else ("tf32", "bf16", "float16"):
            near = training_losses(self.engine(graph, Torch(precision=precision)), batches)
            distance = float(np.max(np.abs(np.array(near) / exact - 1)))
            assert distance < 0.1, (precision, distance)
            notes.append(f"{precision} {distance:.1e}")
        return ", ".join(notes)

    def recompute(self) -> str:
        """Less memory for the same losses."""
        graph, batches = network_named("simple_cnn"), make_batches("simple_cnn", 16 if self.small else 512, 3)
        notes, losses = [], []
        for layers in ((), ("*",)):
            engine = self.engine(graph, Torch(recompute=layers))
            losses.append(training_losses(engine, batches))
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

        engine, batches = self.engine(network_named("digits")), make_batches("digits", 32, 2)
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
        graph, optimizer, notes = network_named("resnet18"), SGD(0.1, momentum=0.9), []
        x, y = random_data("resnet18", 512)
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
        graph, batches = network_named("simple_cnn"), make_batches("simple_cnn", 128, 12)
        plain, notes = training_losses(self.engine(graph), batches), []
        for setting in (Torch(compile=True), Torch(cuda_graphs=True)):
            start = time.perf_counter()
            np.testing.assert_allclose(training_losses(self.engine(graph, setting), batches), plain, rtol=2e-2)
            notes.append(f"{time.perf_counter() - start:.0f} s")
        return f"compiled {notes[0]}, recorded {notes[1]}"
