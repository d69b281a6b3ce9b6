from __future__ import annotations

import json

import numpy as np
import pytest
from experiment.part_two import trained, weights, written

from fittool.config.experiment_file import load_experiment
from fittool.errors import CheckpointError, ExperimentError
from fittool.experiment.check import check_experiment
from fittool.experiment.train import TrainOptions, resume_run

TWO = "[{epochs: 2, batch_size: 8, name: warm}, {epochs: 3, batch_size: 8}]"


def rows(run):
    return [json.loads(line) for line in (run.directory / "metrics.jsonl").read_text().splitlines()]


def test_epochs_count_on_and_rows_carry_the_stage(tmp_path):
    found = rows(trained(written(tmp_path, TWO)))
    assert [(row["epoch"], row["stage"]) for row in found] == [(1, "warm"), (2, "warm"), (3, "2"), (4, "2"), (5, "2")]


def test_equal_stages_are_one_training(tmp_path):
    parts = weights(trained(written(tmp_path, TWO), "parts"))
    whole = weights(trained(written(tmp_path, "{epochs: 5, batch_size: 8}"), "whole"))
    assert all(np.array_equal(parts[name], whole[name]) for name in whole if not name.startswith("metrics/"))


def test_only_matching_layers_learn(tmp_path):
    train = "[{epochs: 1}, {epochs: 1, trainable: la*}, {epochs: 1, trainable: [first]}]"
    more = "callbacks: [{ModelCheckpoint: {filepath: 'at-{epoch}.safetensors', monitor: loss}}]"
    run = trained(written(tmp_path, train, more))
    one, two, three = (weights(run, f"at-{number}") for number in (1, 2, 3))
    changed = {name for name in one if name.startswith("weights/") and not np.array_equal(one[name], two[name])}
    assert changed == {"weights/last/kernel", "weights/last/bias"}
    assert np.array_equal(two["weights/last/kernel"], three["weights/last/kernel"])
    assert not np.array_equal(two["weights/first/kernel"], three["weights/first/kernel"])


def test_the_optimizer_keeps_what_it_knows_of_frozen_layers(tmp_path):
    train = "[{epochs: 1}, {epochs: 1, trainable: last}]"
    more = "callbacks: [{ModelCheckpoint: {filepath: 'at-{epoch}.safetensors', monitor: loss}}]"
    run = trained(written(tmp_path, train, more))
    before, after = weights(run, "at-1"), weights(run, "at-2")
    assert np.array_equal(before["optimizer/momentum/first/kernel"], after["optimizer/momentum/first/kernel"])
    assert not np.array_equal(before["optimizer/momentum/last/kernel"], after["optimizer/momentum/last/kernel"])


def test_a_stage_may_have_its_learning_rate(tmp_path):
    run = trained(written(tmp_path, "[{epochs: 1}, {epochs: 2, learning_rate: 0.01}, {epochs: 1}]"))
    assert [row["learning_rate"] for row in rows(run)] == [0.1, 0.01, 0.01, 0.01]


def test_a_callback_of_a_stage_ends_that_stage_alone(tmp_path):
    stop = "callbacks: [{EarlyStopping: {monitor: loss, min_delta: 100, patience: 1}}]"
    run = trained(written(tmp_path, f"[{{epochs: 9, {stop}}}, {{epochs: 2}}]"))
    assert [row["stage"] for row in rows(run)] == ["1", "1", "2", "2"]
    assert run.outcome.reason == "completed"


def test_a_callback_of_the_whole_ends_the_whole(tmp_path):
    more = "callbacks: [{EarlyStopping: {monitor: loss, min_delta: 100, patience: 1}}]"
    run = trained(written(tmp_path, "[{epochs: 9}, {epochs: 2}]", more))
    assert (len(rows(run)), run.outcome.reason) == (2, "stopped")


def test_a_pattern_that_fits_nothing_is_an_error(tmp_path):
    path = written(tmp_path, "[{epochs: 1, trainable: frist}]")
    with pytest.raises(ExperimentError, match=r"no layer with weights to learn is called frist. Did you mean first\?"):
        trained(path)


def test_a_smoke_run_tries_every_stage(tmp_path):
    assert [row["stage"] for row in rows(trained(written(tmp_path, TWO), smoke=True))] == ["warm", "2"]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("[{epochs: 2}, {epochs: 3, initial_epoch: 1}]", r"train\[1\].initial_epoch can be given in the first stage alone"),
        ("[{epochs: 2}, {epochs: 3, validation_split: 0.5}]", r"train\[1\].validation_split must be that of the first stage"),
        ("[{epochs: 2, augmentation: {rotation_range: 5}}]", r"train\[0\].augmentation needs mode fit_generator, but it is fit"),
        ("[{epochs: 2, callbacks: [{EarlyStopping: {monitor: los}}]}]", r"EarlyStopping watches los, .* Did you mean loss\?"),
        ("[]", "train must have at least 1"),
        ("[{epochs: 2, trainabel: x}]", r"train\[0\].trainabel is not a setting. Did you mean trainable\?"),
    ],
)
def test_what_cannot_hold_is_told(tmp_path, train, message):
    with pytest.raises(ExperimentError, match=message):
        trained(written(tmp_path, train))


def test_augmentation_belongs_to_the_stages_that_stream(tmp_path):
    path = written(tmp_path, "[{epochs: 1}, {mode: fit_generator}]", "augmentation: {rotation_range: 5}")
    with pytest.raises(Exception, match="augmentation needs images"):
        check_experiment(load_experiment(path))


def test_a_rate_beside_a_schedule_is_refused(tmp_path):
    optimizer = "{SGD: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.1, decay_steps: 2, decay_rate: 0.5}}}}"
    with pytest.raises(ExperimentError, match=r"is a schedule\. Use one of the two"):
        trained(written(tmp_path, "[{epochs: 2, learning_rate: 0.1}]", optimizer=optimizer))


@pytest.mark.parametrize(
    ("train", "optimizer", "message"),
    [
        (
            "[{epochs: 1, batch_size: 8, trainable: last}, {epochs: 1, batch_size: 8}]",
            "adam",
            "have updates counted for them alone",
        ),
        ("[{epochs: 1, batch_size: 8, trainable: last}, {epochs: 1, batch_size: 8}]", "sgd", None),
        ("[{epochs: 1, batch_size: 8}, {epochs: 1, batch_size: 8}]", "adam", None),
    ],
)
def test_a_run_of_before_with_late_layers_does_not_go_on_unasked(tmp_path, monkeypatch, train, optimizer, message):
    path = written(tmp_path, train, optimizer=optimizer)
    text = path.read_text().replace("units: 2, activation: softmax", "units: 1").replace("sparse_categorical_crossentropy", "mse")
    path.write_text(text.replace(", metrics: [accuracy]", ""))
    with monkeypatch.context() as patch:
        patch.setattr("fittool.runs.checkpoint.FORMAT", 1)
        trained(path)
    if message is None:
        assert resume_run(tmp_path / "run", TrainOptions(quiet=True), epochs=3).outcome.epochs == 3
        return
    with pytest.raises(CheckpointError, match=message):
        resume_run(tmp_path / "run", TrainOptions(quiet=True), epochs=3)
    assert resume_run(tmp_path / "run", TrainOptions(quiet=True, accept_changes=True), epochs=3).outcome.epochs == 3
