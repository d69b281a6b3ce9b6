from __future__ import annotations

import csv
import json

import numpy as np
import pytest

PAIR = (
    ("    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", ""), ("    - Dropout: {rate: 0.25}\n", ""),
    ("units: 3, activation: softmax", "units: 1, activation: sigmoid"),
    ("sparse_categorical_crossentropy", "binary_crossentropy"),
    ("npz: {path: small.npz}", "npz: {path: pair.npz}"),
)  # fmt: skip
"""Changes the small experiment to one of two classes."""


@pytest.fixture
def run(fittool, write, folder):
    """A run that tells a few bright pictures from many dark ones, not always."""
    chance = np.random.default_rng(4)
    labels = (np.arange(160) % 4 == 0).astype(int)
    images = np.clip(chance.normal(110 + 12 * labels[:, None, None, None], 25, (160, 6, 6, 1)), 0, 255).astype(np.uint8)
    np.savez(folder / "pair.npz", x=images, y=labels)
    return fittool("train", write(*PAIR)).run


def rows(fittool, run):
    """What `predict` says of the validation data."""
    done = fittool("predict", run.path, "--on", "validation")
    assert done.code == 0, done.err
    return list(csv.DictReader(done.out.splitlines()))


def f1(rows):
    hits = sum(row["prediction"] == row["truth"] == "1" for row in rows)
    wrong = sum(row["prediction"] != row["truth"] for row in rows)
    return 2 * hits / (2 * hits + wrong)


def test_predict_and_evaluate_use_what_was_chosen(fittool, run):
    before = rows(fittool, run)
    done = fittool("threshold", run.path, "--for", "f1")
    assert done.code == 0, done.err
    ((name, threshold),) = (line.split() for line in done.out.splitlines())
    assert name == "1"
    after = rows(fittool, run)
    assert [row["1"] for row in after] == [row["1"] for row in before]
    assert [row["prediction"] == "1" for row in after] == [float(row["1"]) > float(threshold) for row in after]
    assert f1(after) >= f1(before)
    fittool("evaluate", run.path)
    kept = json.loads((run.path / "evaluation.json").read_text())
    assert kept["per_class"][1]["f1"] == pytest.approx(f1(after))
    assert kept["thresholds"] == {"1": pytest.approx(float(threshold), rel=1e-5)}


def test_no_threshold_has_a_better_f1(fittool, run):
    fittool("threshold", run.path, "--for", "f1")
    found = rows(fittool, run)
    for threshold in sorted({float(row["1"]) for row in found}):
        other = [{**row, "prediction": "1" if float(row["1"]) > threshold else "0"} for row in found]
        assert f1(other) <= f1(found) + 1e-12


def test_show_tells_what_was_chosen(fittool, run):
    assert "No threshold was chosen" in fittool("threshold", run.path, "--show").err
    chosen = fittool("threshold", run.path, "--for", "recall@0.9")
    shown = fittool("threshold", run.path, "--show")
    assert (shown.code, shown.out) == (0, chosen.out)
    assert "for recall@0.9" in shown.err


@pytest.mark.parametrize("options", [(), ("--show", "--for", "f1"), ("--for", "accuracy"), ("--for", "cost(1)")])
def test_wrong_options(fittool, run, options):
    done = fittool("threshold", run.path, *options)
    assert (done.code, "--for" in done.err) == (2, True)


def test_a_run_of_three_classes_has_no_threshold(fittool, small):
    run = fittool("train", small).run
    done = fittool("threshold", run.path, "--for", "f1")
    assert (done.code, "one of 3 classes" in done.err) == (3, True)


def test_thresholds_of_another_epoch_are_not_used(fittool, run):
    chosen = fittool("threshold", run.path, "--for", "recall@1", "--checkpoint", "last").out
    kept = json.loads((run.path / "threshold.json").read_text())
    (run.path / "threshold.json").write_text(json.dumps({**kept, "epoch": kept["epoch"] + 1}))
    assert all((row["prediction"] == "1") == (float(row["1"]) > 0.5) for row in rows(fittool, run))
    done = fittool("evaluate", run.path)
    assert "was chosen for epoch" in done.err
    assert chosen


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"epoch": "x"}', '{"epoch": 1, "thresholds": {"1": "high"}}', '{"epoch": 2, "temperature": 0}']
)
def test_damaged_file_is_refused(fittool, run, content):
    (run.path / "threshold.json").write_text(content)
    done = fittool("predict", run.path, "--on", "validation")
    assert (done.code, "threshold.json" in done.err) == (5, True)


def test_labels_have_a_threshold_each(fittool, write, folder):
    chance = np.random.default_rng(1)
    numbers = chance.normal(size=(120, 3))
    holds = numbers[:, :2] + chance.normal(size=(120, 2)) > 0.7
    lines = [
        "a,b,c,warm,wet",
        *(
            ",".join([*(f"{value:.3f}" for value in row), *map(str, map(int, yes))])
            for row, yes in zip(numbers, holds, strict=True)
        ),
    ]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    path = write(
        *PAIR[:2], ("    - Rescaling: {scale: 1/255}\n", ""), ("    - Flatten\n", ""),
        ("units: 3, activation: softmax", "units: 2, activation: sigmoid"),
        ("sparse_categorical_crossentropy", "binary_crossentropy"),
        ("npz: {path: small.npz}", "csv: {path: labels.csv, label: [warm, wet]}"),
    )  # fmt: skip
    run = fittool("train", path).run
    done = fittool("threshold", run.path, "--for", "balanced_accuracy")
    chosen = {name: float(value) for name, value in (line.split() for line in done.out.splitlines())}
    assert set(chosen) == {"warm", "wet"}
    for row in rows(fittool, run):
        assert {name: row[name] == "yes" for name in chosen} == {
            name: float(row[f"{name} probability"]) > chosen[name] for name in chosen
        }
    assert fittool("evaluate", run.path, "--calibrate").code == 0


class TestCalibration:
    def test_probabilities_come_nearer_to_the_truth(self, fittool, run):
        before = rows(fittool, run)
        done = fittool("evaluate", run.path, "--calibrate")
        assert (done.code, "Calibrated by the temperature" in done.err) == (0, True)
        kept = json.loads((run.path / "evaluation.json").read_text())
        assert kept["calibration"]["log_loss"] <= kept["calibration_before"]["log_loss"] + 1e-6
        after = rows(fittool, run)
        assert [row["prediction"] for row in after] == [row["prediction"] for row in before]
        odds = [[float(row["1"]) / float(row["0"]) for row in found] for found in (before, after)]
        np.testing.assert_allclose(np.log(odds[1]), np.log(odds[0]) / kept["temperature"], rtol=1e-3, atol=1e-5)

    def test_decisions_stay_when_thresholds_were_chosen_before(self, fittool, run):
        fittool("threshold", run.path, "--for", "f1")
        before = [row["prediction"] for row in rows(fittool, run)]
        fittool("evaluate", run.path, "--calibrate")
        assert [row["prediction"] for row in rows(fittool, run)] == before

    def test_metrics_are_those_of_the_network(self, fittool, run):
        before = fittool("evaluate", run.path).out
        assert fittool("evaluate", run.path, "--calibrate").out == before

    def test_numbers_cannot_be_calibrated(self, fittool, write):
        run = fittool(
            "train",
            write(
                *PAIR[:2],
                ("units: 3, activation: softmax", "units: 1"),
                ("sparse_categorical_crossentropy", "mse"),
                ("[accuracy]", "[mae]"),
            ),
        ).run
        done = fittool("evaluate", run.path, "--calibrate")
        assert (done.code, "--calibrate needs" in done.err) == (3, True)


SEVERAL = (
    ("    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", ""), ("    - Dropout: {rate: 0.25}\n", ""),
    ("activation: softmax", "activation: sigmoid"), ("sparse_categorical_crossentropy", "binary_crossentropy"),
    ("[accuracy]", "[binary_accuracy]"), ("npz: {path: small.npz}", "npz: {path: labels.npz}"),
)  # fmt: skip
"""Changes the small experiment to one of three labels, each of which holds or not."""


@pytest.fixture
def labels(fittool, write, folder):
    """A function that trains on arrays of labels, whose columns have no names."""

    def train(share):
        chance = np.random.default_rng(4)
        y = chance.random((160, 3)) < (0.2, 0.5, 0.7)
        images = np.clip(chance.normal(90 + 30 * y[:, None, None, :].mean(axis=-1), 25, (160, 6, 6)), 0, 255)
        np.savez(folder / "labels.npz", x=images[..., None].astype(np.uint8), y=(y * share).astype(np.float32))
        return fittool("train", write(*SEVERAL)).run

    return train


def test_labels_in_arrays_are_labels_though_they_have_no_names(fittool, labels):
    run = labels(1)
    done = fittool("evaluate", run.path)
    found = json.loads((run.path / "evaluation.json").read_text())
    assert (found["kind"], [row["name"] for row in found["per_class"]]) == ("labels", ["output_0", "output_1", "output_2"])
    reached = found["metrics"]["binary_accuracy"]["value"]
    assert found["accuracy"] == pytest.approx(reached)
    assert f"accuracy {reached:.4f}; a line" in done.err
    chosen = fittool("threshold", run.path, "--for", "f1")
    limits = [float(line.split()[1]) for line in chosen.out.splitlines()]
    assert len(limits) == 3, chosen.err
    for row in rows(fittool, run):
        said = [float(row[f"output_{at} probability"]) > limits[at] for at in range(3)]
        assert [row[f"output_{at}"] == "yes" for at in range(3)] == said


def test_shares_in_arrays_are_no_labels(fittool, labels):
    run = labels(0.75)
    done = fittool("evaluate", run.path)
    assert json.loads((run.path / "evaluation.json").read_text())["kind"] == "numbers"
    assert "a line" not in done.err
    assert fittool("threshold", run.path, "--for", "f1").code == 3
