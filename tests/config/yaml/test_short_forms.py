"""A thing that needs just one argument may be given that alone, wherever things have names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fittool.callbacks import CALLBACKS
from fittool.config.experiment_file import load_experiment
from fittool.data.sources import SOURCES
from fittool.engines.settings import ENGINES
from fittool.nn.initializers import INITIALIZERS
from fittool.nn.layers import LAYERS, Activation, Dense, Dropout, Reshape
from fittool.nn.losses import LOSSES
from fittool.nn.metrics import METRICS
from fittool.nn.optimizers import OPTIMIZERS
from fittool.nn.presets import PRESETS
from fittool.nn.regularizers import REGULARIZERS
from fittool.nn.schedules import SCHEDULES
from fittool.settings import fields_of, only_argument

Write = Callable[..., str]
FAMILIES = [
    LAYERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES, INITIALIZERS, REGULARIZERS, CALLBACKS, SOURCES, PRESETS, ENGINES,
]  # fmt: skip


def test_layers(small: str, write: Write) -> None:
    layers = "[{Reshape: [64]}, {dense: 8}, {Activation: relu}, {Dropout: 1/4}, {Dense: {units: 10, activation: softmax}}]"
    path = write(small.replace("[Flatten, {Dense: {units: 10, activation: softmax}}]", layers))
    assert load_experiment(path).experiment.model.layers == [
        Reshape((64,)), Dense(8), Activation("relu"), Dropout(0.25), Dense(10, "softmax"),
    ]  # fmt: skip


def test_paths_and_functions_are_relative_to_the_file(small: str, write: Write) -> None:
    text = small.replace("{npz: {path: digits.npz}}", "{folder: photos}") + "callbacks: [{BackupAndRestore: safe}]\n"
    experiment = load_experiment(write(text, "below/e.yaml")).experiment
    assert experiment.data.train.path == os.path.abspath("below/photos")
    assert experiment.callbacks[0].backup_dir == os.path.abspath("below/safe")
    python = small.replace("{npz: {path: digits.npz}}", '{python: "mine:batches"}')
    function = load_experiment(write(python, "below/f.yaml")).experiment.data.train.function
    assert function == os.path.abspath("below/mine.py") + ":batches"


def test_they_merge_with_long_forms(small: str, write: Write) -> None:
    write(small.replace("npz: {path: digits.npz}", "npz: digits.npz"), "base.yaml")
    data = load_experiment(write("extends: base.yaml\ndata: {train: {npz: {x: images}}}\n")).experiment.data.train
    assert (Path(data.path).name, data.x) == ("digits.npz", "images")


def test_options_may_have_them_and_go_below_them(small: str, write: Write) -> None:
    path = write(small.replace("Flatten", "Flatten, {Dense: 8}"))
    loaded = load_experiment(path, ["model.layers.1.Dense.activation=relu", "data.train.npz=other.npz"])
    assert (loaded.experiment.model.layers or [])[1] == Dense(8, "relu")
    assert loaded.experiment.data.train.path == os.path.abspath("other.npz")


def test_the_long_form_is_what_a_run_keeps(small: str, write: Write) -> None:
    path = write(small.replace("Flatten", "Flatten, {Dense: 8}"))
    assert "units: 8" in load_experiment(path).resolved_yaml()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.kind)
def test_just_those_that_need_one_argument_have_a_short_form(family: object) -> None:
    for cls in family.members.values():  # type: ignore[attr-defined]
        needed = [name for name, info in fields_of(cls).items() if info.is_required()]
        assert only_argument(cls) == (needed[0] if len(needed) == 1 else None)


def test_python_takes_them_too() -> None:
    assert LAYERS.parse({"Dense": 3}) == Dense(3)
