"""The section `sweep`: its form, and each of its values checked as if the experiment had it, at its own line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fittool.config.experiment_file import LoadedExperiment, load_experiment
from fittool.config.reference import json_schema
from fittool.config.sweeping.section import MedianPruner, Range
from fittool.config.sweeping.values import node_of, with_values
from fittool.errors import ExperimentError

EXPERIMENT = """\
data: {train: {npz: {path: a.npz}}}
model: {layers: [Flatten, {Dense: {units: 3, activation: softmax}}]}
compile: {optimizer: {Adam: {learning_rate: 0.01}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 2, validation_split: 0.25}
callbacks: [{EarlyStopping: {monitor: val_loss}}]
sweep:
"""


def loaded(tmp_path: Path, section: str) -> LoadedExperiment:
    (tmp_path / "e.yaml").write_text(EXPERIMENT + section)
    return load_experiment(tmp_path / "e.yaml")


def test_a_section_in_full(tmp_path: Path):
    sweep = loaded(
        tmp_path,
        "  {method: tpe, trials: 9, metric: val_accuracy, mode: max, pruner: {median: {warmup_epochs: 3}}, seed: 4,\n"
        "   parameters: {train.batch_size: {low: 16, high: 64, step: 16}, compile.optimizer: [Adam, {SGD: {momentum: 0.9}}]}}\n",
    ).experiment.sweep
    assert sweep is not None
    assert (sweep.method, sweep.trials, sweep.metric, sweep.mode, sweep.seed) == ("tpe", 9, "val_accuracy", "max", 4)
    assert sweep.pruner == MedianPruner(warmup_epochs=3)
    assert sweep.parameters == {
        "train.batch_size": Range(low=16, high=64, step=16),
        "compile.optimizer": ["Adam", {"SGD": {"momentum": 0.9}}],
    }


def test_other_commands_take_the_experiment_as_it_stands(tmp_path: Path):
    experiment = loaded(tmp_path, "  parameters: {train.epochs: [5, 6]}\n").experiment
    assert experiment.first.epochs == 2


def test_a_resolved_experiment_reads_back_the_same(tmp_path: Path):
    first = loaded(tmp_path, "  parameters: {train.epochs: [5, 6], compile.optimizer.Adam.learning_rate: {low: 0.1, high: 1}}\n")
    (tmp_path / "again.yaml").write_text(first.resolved_yaml())
    assert load_experiment(tmp_path / "again.yaml").experiment.sweep == first.experiment.sweep


@pytest.mark.parametrize(
    ("one", "whole", "count", "last"),
    [
        ({"low": 1, "high": 5}, True, 5, 5),
        ({"low": 16, "high": 100, "step": 16}, True, 6, 96),
        ({"low": 0, "high": 1, "step": 0.3}, False, 4, 0.9),
        ({"low": 0.1, "high": 0.3, "step": 0.1}, False, 3, 0.3),
        ({"low": 1.0, "high": 5}, False, None, 5),
        ({"low": 0.001, "high": 0.1, "log": True}, False, None, 0.1),
    ],
)
def test_ranges_are_of_whole_numbers_where_all_of_it_is_whole(one: dict[str, float], whole: bool, count: int | None, last: float):
    found = Range(**one)  # type: ignore[arg-type]
    assert (found.is_whole, found.count, found.last) == (whole, count, last)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  parameters: {}\n", "sweep.parameters must"),
        ("  method: grid\n", "sweep.parameters is missing"),
        ("  parameters: {train.epochs: 7}\n", "7:30: .*train.epochs must be a list of values, or {low, high, log, step}, got 7"),
        ("  parameters: {train.epochs: []}\n", "train.epochs must"),
        ("  parameters: {train.epochs: {low: 3, high: 2}}\n", "must have a low below high"),
        ("  parameters: {train.epochs: {low: 1, high: 9, step: 0}}\n", "must have a step above 0"),
        ("  parameters: {train.epochs: {low: 0, high: 9, log: true}}\n", "must have a low above 0 with log"),
        ("  parameters: {train.epochs: {low: 1, high: 9, log: true, step: 2}}\n", "must have either log or step"),
        ("  parameters: {train.epochs: {lou: 1, high: 9}}\n", "train.epochs.lou is not a setting. Did you mean low"),
        ("  {trials: 0, parameters: {train.epochs: [1]}}\n", "sweep.trials must be at least 1"),
        ("  {metric: val_acuracy, parameters: {train.epochs: [1]}}\n", "7:4: sweep.metric is val_acuracy, .*mean val_accuracy"),
        ("  {pruner: medien, parameters: {train.epochs: [1]}}\n", "no pruner is called medien. Did you mean median"),
        ("  {pruner: hyperband, parameters: {train.epochs: [1]}}\n", "hyperband is Optuna's, for method tpe. Take median"),
        (
            "  {method: grid, parameters: {train.validation_split: {low: 0.1, high: 0.5}}}\n",
            "has no end of values for method grid",
        ),
        (
            "  {method: grid, parameters: {train.epochs: {low: 1, high: 999}, seed: {low: 1, high: 9999}}}\n",
            "more than 1,000,000",
        ),
    ],
)
def test_a_section_that_cannot_be(tmp_path: Path, line: str, message: str):
    with pytest.raises(ExperimentError, match=message):
        loaded(tmp_path, line)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("model.layers.1.Dense.units: [32, 64.5]", r"8:38: model.layers\[1\].Dense.units must be a whole number, got 64.5"),
        ("model.layers[1].Dense.units: [32, 0]", r"8:39: model.layers\[1\].Dense.units must be at least 1, got 0"),
        ("model.layers.7.Dense.units: [32]", "8:34: model.layers has 2 items, counted from 0; there is no item 7"),
        ("train.epoks: [7]", "8:19: train.epoks is not a setting. Did you mean epochs"),
        ("train.batch_size: {low: -4, high: 64}", "8:29: train.batch_size must be at least 1, got -4"),
        ("train.epochs: {low: 1, high: 5000000}", "8:34: train.epochs must be at most 1000000, got 5000000"),
        ("train.epochs: [3, 4, 3]", "8:26: 3 is listed twice, first at .*8:20"),
        ("compile.optimizer: [Adam, Adamm]", "8:31: compile.optimizer: no optimizer is called Adamm. Did you mean"),
        (
            "compile.optimizer.Adam.learning_rate: [0.1, -1]",
            "8:49: compile.optimizer.Adam.learning_rate must be at least 0, got -1",
        ),
        (
            "train.validation_split: [0.1, 0.0]",
            "8:35: With train.validation_split: 0.0, EarlyStopping watches val_loss, but there",
        ),
        ("sweep.trials: [2]", "8:5: sweep.parameters.sweep.trials cannot be varied"),
    ],
)
def test_a_value_is_told_at_its_line(tmp_path: Path, parameters: str, message: str):
    with pytest.raises(ExperimentError, match=message):
        loaded(tmp_path, f"  parameters:\n    {parameters}\n")


def test_a_part_of_what_is_varied_as_a_whole_is_refused(tmp_path: Path):
    with pytest.raises(ExperimentError, match=r"is a part of compile.optimizer .at .*8:5., which is varied as a whole"):
        loaded(tmp_path, "  parameters:\n    compile.optimizer: [SGD]\n    compile.optimizer.SGD.momentum: [0.1]\n")


def test_a_mistake_of_the_experiment_is_not_told_again_for_each_value(tmp_path: Path):
    (tmp_path / "e.yaml").write_text(EXPERIMENT.replace("epochs: 2", "epochs: 0") + "  parameters: {seed: [1, 2, 3]}\n")
    with pytest.raises(ExperimentError, match=r"train\.epochs must be at least 1") as told:
        load_experiment(tmp_path / "e.yaml")
    assert len(told.value.problems) == 1


def test_paths_are_relative_to_the_file(tmp_path: Path):
    experiment = loaded(tmp_path, "  parameters: {data.train.npz.path: [a.npz, sub/b.npz]}\n")
    node = node_of(experiment.root, "data.train.npz.path", "sub/b.npz")
    tree = with_values(experiment.root, {"data.train.npz.path": node})
    assert tree.data()["data"]["train"]["npz"]["path"] == str(tmp_path / "sub/b.npz")  # type: ignore[index]
    assert "sweep" not in tree.data()  # type: ignore[operator]


def test_values_that_are_equal_in_python_are_told_apart(tmp_path: Path):
    experiment = loaded(tmp_path, "  parameters: {compile.optimizer.Adam.learning_rate: [1, 1.0, 0.5]}\n")
    found = [type(node_of(experiment.root, "compile.optimizer.Adam.learning_rate", one).data()) for one in (1, 1.0)]
    assert found == [int, float]


@pytest.mark.parametrize(
    ("section", "count"),
    [
        ("{seed: [1, 2], train.epochs: {low: 1, high: 5}}", 10),
        ("{seed: [1, 2], compile.optimizer.Adam.beta_1: {low: 0.5, high: 0.9}}", None),
    ],
)
def test_combinations_are_counted_where_they_have_an_end(tmp_path: Path, section: str, count: int | None):
    sweep = loaded(tmp_path, f"  parameters: {section}\n").experiment.sweep
    assert sweep is not None
    assert sweep.combinations == count


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "{method: grid, parameters: {seed: [1, 2], train.epochs: [3]}}",
            "sweep: grid, 2 trials of 2 combinations; varies seed, train.epochs",
        ),
        (
            "{trials: 7, parameters: {compile.optimizer.Adam.beta_1: {low: 0.5, high: 0.9}}}",
            "sweep: random, 7 trials; varies compile",
        ),
        ("{parameters: {seed: {low: 1, high: 99}}}", "sweep: random, 20 trials of 99 combinations; varies seed"),
    ],
)
def test_a_section_is_told_in_a_line(tmp_path: Path, section: str, said: str):
    sweep = loaded(tmp_path, f"  {section}\n").experiment.sweep
    assert sweep is not None
    assert sweep.in_words().startswith(said)


def test_the_schema_for_editors_knows_it():
    schema = json_schema()
    assert {"method", "trials", "metric", "mode", "pruner", "seed", "parameters"} == set(schema["$defs"]["Sweep"]["properties"])
    assert "pruner" in schema["$defs"]


def test_each_value_is_shown_with_its_line(tmp_path: Path):
    shown = loaded(tmp_path, "  method: grid\n  parameters: {seed: [1, 2]}\n").resolved_yaml(origins=True)
    assert re.search(r"method: grid +# .*e\.yaml:7:3", shown)
