"""What saving costs: the time of an epoch's end, checkpoint included, as a share of an epoch of ten seconds.

Two trainings do the same steps, one in many epochs and one in few; the difference of their times is what epochs cost by
themselves: the snapshot, the checkpoint brought to disk, the row of metrics, the status. It is written where temporary files are.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure, seconds

EPOCH = 10.0
STEPS = 24
FEW, MANY = 2, 12
NETWORKS = {
    "simple_cnn": ("{preset: {simple_cnn: {}}}", 2),
    "resnet20": ("{preset: {resnet20: {}}}", 2),
    "3 million weights": ("{layers: [Flatten, Dense: {units: 970}, Dense: {units: 10, activation: softmax}]}", 2),
    "10 million weights": ("{layers: [Flatten, Dense: {units: 3240}, Dense: {units: 10, activation: softmax}]}", 5),
}
EXPERIMENT = """\
data: {train: {synthetic: {samples: SAMPLES, shape: [32, 32, 3], classes: 10}}}
model: MODEL
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train: {mode: fit_generator, epochs: EPOCHS, steps_per_epoch: STEPS, batch_size: 8, view_metrics: false, verbose: 0}
"""


def figures(bench: Bench) -> list[Figure]:
    return [
        _figure(bench, name, model, wanted) for name, (model, wanted) in list(NETWORKS.items())[: bench.size(len(NETWORKS), 1)]
    ]


def _figure(bench: Bench, name: str, model: str, wanted: float) -> Figure:
    sides = {str(epochs): lambda epochs=epochs: _trained(model, epochs) for epochs in (FEW, MANY)}
    took = bench.compare(sides)
    once = max(took[str(MANY)] - took[str(FEW)], 0) / (MANY - FEW)
    note = f"{1e3 * once:.0f} ms an epoch"
    return Figure(f"{name}: percent of {EPOCH:g} s", 100 * once / EPOCH, wanted, True, note, took.values_of, took.control)


def _trained(model: str, epochs: int) -> float:
    from fittool.cli import group

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.yaml"
        text = EXPERIMENT.replace("MODEL", model).replace("EPOCHS", str(epochs)).replace("STEPS", str(STEPS // epochs))
        path.write_text(text.replace("SAMPLES", str(8 * STEPS)))
        line = ["train", str(path), "--run-dir", str(Path(folder) / "run"), "--quiet"]
        return seconds(lambda: group.main(line, standalone_mode=False))
