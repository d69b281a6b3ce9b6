"""What a user's own loop (`mode: train_on_batch`) costs beside `fit` on the same network and batches."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fittool.config.experiment_file import load_experiment
from fittool.experiment.train import TrainOptions, train_experiment
from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure, processor_seconds

DATA = Path(__file__).parents[3] / "sample_data" / "digits.npz"
EPOCHS = 25
LOOP = "def loop(model, batches, epoch):\n    for x, y in batches:\n        model.train_on_batch(x, y)\n"
TEXT = """\
seed: 7
engine: {{numpy: {{threads: 1}}}}
data: {{train: {{npz: {{path: {data}}}}}}}
model:
  layers: [Flatten, {{Dense: {{units: 128, activation: relu}}}}, {{Dense: {{units: 64, activation: relu}}}},
           {{Dense: {{units: 10, activation: softmax}}}}]
compile: {{optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
train: {{{mode}, batch_size: 32, epochs: {epochs}}}
"""


def figures(bench: Bench) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "mine.py").write_text(LOOP)
        modes = {"loop": "mode: train_on_batch, loop: 'mine:loop'", "fit": "mode: fit"}
        for name, mode in modes.items():
            (place / f"{name}.yaml").write_text(TEXT.format(data=DATA, mode=mode, epochs=bench.size(EPOCHS, 1)))

        def trained(name: str) -> float:
            loaded = load_experiment(place / f"{name}.yaml", [f"output.dir={place / 'runs'}"])
            return processor_seconds(lambda: train_experiment(loaded, TrainOptions(quiet=True)))

        took = bench.compare({name: lambda name=name: trained(name) for name in modes})  # type: ignore[misc]
    note = took.in_numbers("s")
    return [took.figure("time of a user's loop against fit, digits MLP", "loop", "fit", 1.05, most=True, note=note)]
