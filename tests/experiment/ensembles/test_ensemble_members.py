"""What tells the members of an ensemble apart, and the mean of their results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import LoadedExperiment, load_experiment
from fittool.errors import ExperimentError
from fittool.experiment.ensembles.members import folds_of, seeds_of
from fittool.experiment.ensembles.statistics import Spread

EXPERIMENT = """\
seed: 5
data: {train: {npz: {path: a.npz}}%s}
model: {layers: [Flatten, {Dense: {units: 3, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy}
train: %s
"""


def loaded(tmp_path: Path, validation: str = "", train: str = "{epochs: 1}") -> LoadedExperiment:
    (tmp_path / "e.yaml").write_text(EXPERIMENT % (validation and f", validation: {validation}", train))
    return load_experiment(tmp_path / "e.yaml")


def test_seeds_follow_each_other(tmp_path: Path):
    plan = seeds_of(loaded(tmp_path), 3)
    assert [(one.name, one.overrides) for one in plan.members] == [
        ("seed-5", ("seed=5",)), ("seed-6", ("seed=6",)), ("seed-7", ("seed=7",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("validation", "fixed"),
    [("{split: {kind: random}}", True), ("{split: {kind: kfold, by: stratified}}", True), ("{split: {kind: last}}", False),
     ("{split: {kind: random, seed: 3}}", False), ("", False)],
)  # fmt: skip
def test_the_choice_of_the_validated_samples_stays(tmp_path: Path, validation: str, fixed: bool):
    overrides = seeds_of(loaded(tmp_path, validation), 2).members[1].overrides
    assert ("data.validation.split.seed=5" in overrides) == fixed


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ("", "{kind: kfold, folds: 2, fold: 1, by: auto}"),
        ("{split: {kind: stratified, seed: 3}}", "{kind: kfold, folds: 2, fold: 1, by: auto, seed: 3}"),
        ("{split: {kind: group, group: 'it''s'}}", "{kind: kfold, folds: 2, fold: 1, by: group, group: 'it''s'}"),
        (
            "{split: {kind: kfold, by: random, shuffle: false, folds: 9}}",
            "{kind: kfold, folds: 2, fold: 1, by: random, shuffle: false}",
        ),
    ],
)
def test_folds_keep_what_the_file_says_of_them(tmp_path: Path, validation: str, said: str):
    plan = folds_of(loaded(tmp_path, validation), 2)
    assert plan.members[1].overrides == (f"data.validation={{split: {said}}}",)
    again = load_experiment(tmp_path / "e.yaml", plan.members[1].overrides)
    assert again.experiment.data.validation.fold == 1  # type: ignore[union-attr]


def test_no_part_is_split_off_beside_a_fold(tmp_path: Path):
    stages = "[{epochs: 1, validation_split: 0.5}, {epochs: 1, validation_split: 0.5}]"
    plan = folds_of(loaded(tmp_path, train=stages), 2)
    assert plan.members[0].overrides[1:] == ("train.0.validation_split=0", "train.1.validation_split=0")
    load_experiment(tmp_path / "e.yaml", plan.members[0].overrides)


def test_a_split_with_a_meaning_is_not_undone(tmp_path: Path):
    with pytest.raises(ExperimentError, match=r"e\.yaml:2:.*--kfold would train on what comes later"):
        folds_of(loaded(tmp_path, "{split: {kind: time, column: day}}"), 2)


@pytest.mark.parametrize("values", [(0.1, 0.2, 0.4), (0.5,), (1e9, 1e9 + 1)])
def test_mean_and_deviation_are_numpys(values: tuple[float, ...]):
    spread = Spread(values)
    assert (spread.mean, spread.deviation) == (float(np.mean(values)), float(np.std(values)))


def test_equal_values_do_not_deviate():
    assert Spread((0.9855072463768116,) * 5).deviation == 0.0
