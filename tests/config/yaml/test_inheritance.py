"""`extends:`: what merges, what is replaced, and circles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError

Write = Callable[..., str]


def test_mappings_merge_and_lists_are_replaced(small: str, write: Write) -> None:
    write(small + "train: {epochs: 3, batch_size: 8}\n", "base.yaml")
    child = write("extends: base.yaml\ntrain: {epochs: 5}\nmodel: {layers: [{Dense: {units: 2}}]}\n")
    experiment = load_experiment(child).experiment
    assert (experiment.train.epochs, experiment.train.batch_size) == (5, 8)
    assert [layer.public_name() for layer in experiment.model.layers or []] == ["Dense"]


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("{Adam: {learning_rate: 0.5}}", {"Adam": (0.5, 0.8)}),
        ("{adam: {learning_rate: 0.5}}", {"Adam": (0.5, 0.8)}),
        ("{AdamW: {learning_rate: 0.5}}", {"AdamW": (0.5, 0.9)}),
        ("Adam", {"Adam": (0.001, 0.9)}),
    ],
)
def test_a_named_thing_merges_only_under_its_own_name(
    small: str, write: Write, over: str, expected: dict[str, tuple[float, float]]
) -> None:
    write(small + "  optimizer: {Adam: {learning_rate: 0.1, beta_1: 0.8}}\n", "base.yaml")
    optimizer = load_experiment(write(f"extends: base.yaml\ncompile: {{optimizer: {over}}}\n")).resolved["compile"]["optimizer"]
    assert {name: (value["learning_rate"], value["beta_1"]) for name, value in optimizer.items()} == expected


def test_a_preset_replaces_layers(small: str, write: Write) -> None:
    write(small, "base.yaml")
    model = load_experiment(write("extends: base.yaml\nmodel: {preset: mlp}\n")).experiment.model
    assert (model.layers, model.preset is None) == (None, False)


def test_each_file_resolves_its_own_paths(small: str, write: Write, tmp_path: object) -> None:
    write(small, "a/base.yaml")
    child = write("extends: ../a/base.yaml\ndata: {validation: {npz: {path: v.npz}}}\n", "b/e.yaml")
    data = load_experiment(child).resolved["data"]
    assert data["train"]["npz"]["path"] == f"{tmp_path}/a/digits.npz"
    assert data["validation"]["npz"]["path"] == f"{tmp_path}/b/v.npz"


def test_a_mistake_in_the_base_is_placed_there(small: str, write: Write) -> None:
    write(small + "train: {epochs: 0}\n", "a/base.yaml")
    with pytest.raises(ExperimentError, match=r"^a/base\.yaml:8:17: train\.epochs must be at least 1, got 0\.$"):
        load_experiment(write("extends: a/base.yaml\n"))


def test_origins_name_both_files(small: str, write: Write) -> None:
    write(small, "base.yaml")
    loaded = load_experiment(write("extends: base.yaml\nseed: 3\n"))
    assert (loaded.origin("seed"), loaded.origin("compile", "loss")) == ("e.yaml:2:1", "base.yaml:6:3")


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("e.yaml", r"^e\.yaml:1:10: extends goes round in a circle: e\.yaml is already being read\.$"),
        ("none.yaml", r"^e\.yaml:1:10: extends: the file none\.yaml does not exist in /"),
        ("3", r"^e\.yaml:1:10: extends must be the path of another experiment file\.$"),
    ],
)
def test_refusal(write: Write, extends: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        load_experiment(write(f"extends: {extends}\n"))
