"""Tables from `init` to a run, nothing edited: what the preset reaches on rows that were never seen; the schedule."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError
from fittool.experiment.evaluate import evaluate
from fittool.experiment.options import Run, TrainOptions
from fittool.experiment.train import resume_run, train_experiment
from fittool.experiment.trained_run import open_trained
from fittool.scaffold.scaffold import from_data

SAMPLES = Path(__file__).parents[3] / "sample_data"


def split(name: str, folder: Path) -> None:
    """The table with every fifth row of it apart, as train.csv and test.csv."""
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file))
    for part, chosen in (("test", rows[::5]), ("train", [row for number, row in enumerate(rows) if number % 5])):
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *chosen])


def trained(folder: Path, label: str, *overrides: str) -> Run:
    experiment = folder / "experiment.yaml"
    experiment.write_text(from_data(folder / "train.csv", experiment, [label]).text)
    return train_experiment(load_experiment(experiment, overrides), TrainOptions(run_directory=folder / "run", verbose="0"))


def accuracy(run: Run, folder: Path) -> float:
    return evaluate(open_trained(run.directory), path=folder / "test.csv")["accuracy"]


@pytest.mark.parametrize(
    ("table", "label", "least"),
    [("penguins.csv", "species", 0.97), ("breast_cancer.csv", "diagnosis", 0.95)],
    ids=["penguins", "cells"],
)
def test_small_tables_are_told_apart(table: str, label: str, least: float, tmp_path: Path) -> None:
    split(table, tmp_path)
    assert accuracy(trained(tmp_path, label), tmp_path) >= least


@pytest.mark.long
def test_the_preset_beats_the_line_on_a_census(tmp_path: Path) -> None:
    reached = {}
    for preset in ("tabular", "linear"):
        folder = tmp_path / preset
        folder.mkdir()
        split("adult.csv", folder)
        reached[preset] = accuracy(trained(folder, "income", f"model.preset={preset}"), folder)
    assert reached["tabular"] >= max(0.84, reached["linear"])


def rates(run: Run) -> list[float]:
    lines = (Path(run.directory) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["learning_rate"] for line in lines]


def test_the_schedule_ends_with_the_training_however_long_it_is(tmp_path: Path) -> None:
    split("penguins.csv", tmp_path)
    run = trained(tmp_path, "species", "train.epochs=5", "train.steps_per_epoch=4")
    found = rates(run)
    assert max(found) > 0.002
    assert found == sorted(found, reverse=True)
    assert found[-1] < 1e-6
    longer = resume_run(Path(run.directory), TrainOptions(verbose="0"), epochs=10)
    assert len(rates(longer)) == 10
    assert rates(longer)[5] > 100 * found[-1] > 100 * rates(longer)[-1] / 2


def test_a_generator_without_an_end_needs_steps_for_a_schedule_that_ends_with_the_training(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\n"
        "def batches():\n    while True:\n        yield np.ones((4, 2), 'float32'), np.zeros((4, 1), 'float32')\n"
    )
    path = tmp_path / "experiment.yaml"
    path.write_text(
        "name: endless\ndata: {train: {python: {function: 'mine:batches'}}}\nmodel: {layers: [{Dense: {units: 1}}]}\n"
        "compile: {optimizer: {SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, total: auto}}}}, loss: mse}\n"
        "train: {mode: fit_generator, epochs: 2}\n"
    )
    with pytest.raises(
        ExperimentError, match=r"experiment.yaml:4:\d+: total: auto needs to know how many batches .*train.steps_per_epoch"
    ):
        train_experiment(path, TrainOptions(run_directory=tmp_path / "run", verbose="0"))
    options = TrainOptions(run_directory=tmp_path / "other", verbose="0")
    run = train_experiment(load_experiment(path, ["train.steps_per_epoch=3"]), options)
    assert rates(run)[-1] < rates(run)[0] < 0.1
