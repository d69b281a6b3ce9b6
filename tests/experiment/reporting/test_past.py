from __future__ import annotations

import pytest
from cli.commands import fittool, folder, small, write

from fittool.config.experiment_file import load_experiment
from fittool.experiment.reporting.past import last_epoch, overrides_in, settings_of, times_of, warnings_in

__all__ = ["fittool", "folder", "small", "write"]


def test_what_was_set_at_the_beginning_and_later():
    environment = {
        "command": ["fittool", "train", "a.yaml", "--set", "train.epochs=3", "--set=seed=1", "--quiet"],
        "resumed": [{"command": ["fittool", "resume", "x"]}, {"command": ["fittool", "train", "--set", "train.epochs=5"]}],
    }
    assert overrides_in(environment) == ["train.epochs=3", "seed=1", "train.epochs=5"]
    assert overrides_in({}) == []


def test_warnings_are_told_once():
    log = "2026-01-01T00:00:00Z warning: a\n2026-01-01T00:00:01Z 1/2 loss 1\n2026-01-01T00:00:02Z warning: a\n"
    assert warnings_in(log) == ["a"]


def test_settings_do_not_say_where_files_lie(small, folder):
    text = settings_of(load_experiment(small))
    assert "path: small.npz" in text
    assert str(folder) not in text


def row(seconds, speed, waited, **more):
    return {"seconds": seconds, "examples_per_second": speed, "data_seconds": waited, **more}


def test_time_is_shared_out(small):
    experiment = load_experiment(small).experiment
    rows = [row(3.0, 18.0, 0.5, val_loss=1.0), row(3.0, 18.0, 0.25, val_loss=1.0)]
    assert times_of(experiment, rows, 36) == [
        ("training steps", pytest.approx(3.25)), ("waiting for data", 0.75), ("validation", pytest.approx(2.0)),
    ]  # fmt: skip
    assert times_of(experiment, rows, None) == [("waiting for data", 0.75), ("all else", 5.25)]


def test_stages_are_told_apart(write):
    stages = "train:\n  - {name: warm, epochs: 1, steps_per_epoch: 2, batch_size: 8}\n  - {epochs: 2, batch_size: 8}\n"
    experiment = load_experiment(write(("train:\n  epochs: 2\n  batch_size: 8\n  validation_split: 0.25\n", stages))).experiment
    rows = [row(2.0, 16.0, 0.0, stage="warm"), row(2.0, 36.0, 0.0, stage="2")]
    told = dict(times_of(experiment, rows, 36))
    assert told["warm: training steps"] == pytest.approx(1.0)
    assert told["2: training steps"] == pytest.approx(1.0)
    assert last_epoch(experiment) == 3
