"""What the classic augmentation with two workers adds to the time of training `simple_cnn` on 32x32 images."""

from __future__ import annotations

from typing import Any

from fittool.data.loading.batch_loader import DatasetLoader
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn.graph import Graph
from fittool.nn.layers import Rescaling
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.objectives import share_out
from fittool.nn.optimizers import Adam
from fittool.nn.presets import SimpleCNN
from fittool.training.steps import BatchStream
from tests.benchmarks.bench import Bench
from tests.benchmarks.inputs import BATCH, classic, dataset
from tests.benchmarks.measuring import Figure, seconds

STEPS = 40


def figures(bench: Bench) -> list[Figure]:
    count = bench.size(STEPS, 2)
    data, graph = dataset(2000, 32), _network()
    waits: list[float] = []

    def trained(augment: Any, processes: bool) -> float:
        engine = NumpyEngine(
            graph, objectives=share_out(graph.outputs, loss=SparseCategoricalCrossentropy()), optimizer=Adam(), seed=0
        )
        loader = DatasetLoader(data, BATCH, augment=augment, workers=2, use_multiprocessing=processes)
        stream, waited = BatchStream(loader).from_step(0), 0.0
        for _ in range(5):
            engine.train_step(next(stream))

        def steps() -> None:
            nonlocal waited
            for _ in range(count):
                batch = next(stream)
                waited += stream.waited
                engine.train_step(batch)

        took = seconds(steps)
        stream.close()
        engine.close()
        if augment is not None:
            waits.append(waited / took)
        return took

    sides = {
        "plain": lambda: trained(None, False),
        "threads": lambda: trained(classic(), False),
        "processes": lambda: trained(classic(), True),
    }
    took = bench.compare(sides, on_two=True)
    note, share = took.in_numbers("ms a step", 1e3 / count), max(waits[2:], default=max(waits))
    return [
        took.figure("time with augmentation against without, two threads", "threads", "plain", 1.1, most=True, note=note),
        took.figure("time with augmentation against without, two processes", "processes", "plain", 1.1, most=True),
        Figure("largest share of time that the engine waited for data", None if took.note else share, 0.1, most=True),
    ]


def _network() -> Graph:
    return Graph.build([Rescaling(1 / 255), *SimpleCNN().expand(10)], {"input": (32, 32, 3)})
