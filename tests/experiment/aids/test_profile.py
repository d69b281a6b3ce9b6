from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.experiment.aids.profile import lines_of
from fittool.experiment.options import TrainOptions
from fittool.experiment.train import resume_run, train_experiment
from fittool.runs.directory import RunDirectory

ENGINES = ["numpy", *(["torch"] if find_spec("torch") else [])]
LAYERS = """\
    - Conv2D: {filters: 8, kernel_size: 3, activation: relu, name: large}
    - BatchNormalization
    - Conv2D: {filters: 2, kernel_size: 1, name: small}
    - Flatten
    - Dropout: 0.2
    - Dense: {units: 3, activation: softmax, name: last}
"""
TEXT = f"""\
name: small
data: {{train: {{npz: {{path: data.npz}}}}}}
model:
  layers:
{LAYERS}
compile: {{optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
train: {{epochs: 2, batch_size: 16, validation_split: 0.25, view_metrics: false}}
"""
STAGES = {"data", "forward", "backward", "metrics", "optimizer", "validation", "checkpoint", "display", "other"}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(0)
    np.savez("data.npz", x=chance.random((160, 12, 12, 1)).astype(np.float32), y=chance.integers(0, 3, 160))
    Path("e.yaml").write_text(TEXT)


def train(directory, *overrides, profile=True, timeout=None):
    options = TrainOptions(Path(directory), verbose="2", profile=profile, timeout=timeout)
    return train_experiment(load_experiment(Path("e.yaml"), list(overrides)), options)


def profile_in(directory):
    return json.loads(Path(directory, "profile.json").read_text())


@pytest.mark.parametrize("engine", ENGINES)
def test_stages_and_layers_are_kept_and_told(engine, capsys):
    train("here", f"engine={engine}")
    found = profile_in("here")
    assert set(found["stages"]) == STAGES
    assert sum(found["stages"].values()) == pytest.approx(found["seconds"])
    assert (found["steps"], found["batch_size"]) == (16, 16)
    layers = {one["name"]: one for one in found["layers"]}
    assert all(layers[name]["forward_seconds"] > 0 < layers[name]["backward_seconds"] for name in ("large", "small", "last"))
    assert layers["large"]["activation_bytes"] >= 16 * 10 * 10 * 8 * 4 > layers["last"]["activation_bytes"] >= 16 * 3 * 4
    assert [layers[name]["parameters"] for name in ("large", "small", "flatten")] == [80, 18, 0]
    told = capsys.readouterr().err
    assert "profile: 16 steps of up to 16 samples in" in told
    assert told.index("  layer ") < told.index("  large  ")
    assert "profile: 16 steps" in Path("here/run.log").read_text()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_measured_is_what_was_spent(engine):
    train("here", f"engine={engine}")
    stages, seconds = profile_in("here")["stages"], profile_in("here")["seconds"]
    rows = [json.loads(line) for line in Path("here/metrics.jsonl").read_text().splitlines()]
    assert seconds >= 0.9 * sum(row["seconds"] for row in rows)
    assert all(value >= 0 for value in stages.values())
    assert stages["forward"] + stages["backward"] > stages["display"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_profile_changes_no_number(engine, threads):
    setting = f"engine={{{engine}: {{threads: {threads}}}}}"
    for name in ("with", "without"):
        train(name, setting, profile=name == "with")
    one, other = (RunDirectory.open(Path(name)).checkpoints.load("last.safetensors").tensors for name in ("with", "without"))
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])
    assert not Path("without/profile.json").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_layers_that_a_stage_freezes_are_timed_in_the_stages_that_train_them(engine):
    stages = "[{epochs: 1, batch_size: 16, trainable: last}, {epochs: 1, batch_size: 16}]"
    train("here", f"train={stages}", f"engine={engine}")
    layers = {one["name"]: one for one in profile_in("here")["layers"]}
    assert layers["large"]["backward_seconds"] > 0
    assert profile_in("here")["steps"] == 20


def test_a_run_that_goes_on_measures_its_own_epochs():
    train("here", profile=False)
    resume_run(Path("here"), TrainOptions(verbose="0", profile=True), epochs=5)
    assert profile_in("here")["steps"] == 3 * 8
    rows = [json.loads(line) for line in Path("here/metrics.jsonl").read_text().splitlines()]
    assert profile_in("here")["stages"]["data"] < sum(row["seconds"] for row in rows[2:])


def test_the_dearest_layer_comes_first_and_layers_without_work_are_left_out():
    layer = {"layer": "Dense", "parameters": 1}
    layers = [
        {"name": "cheap", "forward_seconds": 0.1, "backward_seconds": 0.1, "activation_bytes": 100, **layer},
        {"name": "dear", "forward_seconds": 0.3, "backward_seconds": 0.5, "activation_bytes": 3 * 2**20, **layer},
        {"name": "view", "forward_seconds": 0.0, "backward_seconds": 0.0, "activation_bytes": 0, **layer},
    ]
    stages = {"data": 0.5, "forward": 0.4, "backward": 0.6, "other": 0.5}
    found = {"steps": 10, "batch_size": 4, "seconds": 2.0, "stages": stages, "layers": layers, "activation_bytes": 2**30}
    assert list(lines_of(found)) == [
        "profile: 10 steps of up to 4 samples in 2.0 s",
        "  data         0.5 s   25.0 %",
        "  forward      0.4 s   20.0 %",
        "  backward     0.6 s   30.0 %",
        "  other        0.5 s   25.0 %",
        "  layer  forward ms  backward ms   share  activations",
        "  dear       30.000       50.000   80.0 %      3.0 MiB",
        "  cheap      10.000       10.000   20.0 %        100 B",
        "activations of a batch: 1.0 GiB; seconds of layers are those of all threads together",
    ]
