from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import FROM_GENERATOR, FROM_PICTURES, GENERATOR, WORSE_AT_THE_END

from fittool.errors import StorageError


def values(done):
    """The printed figures."""
    assert done.code == 0, done.err
    return {name: float(value) for name, value in (line.split() for line in done.out.splitlines())}


@pytest.fixture
def run(fittool, write):
    """A run whose best epoch is not its last."""
    path = write(*WORSE_AT_THE_END)
    run = fittool("train", path).run
    assert run.read_status().best["epoch"] < 5
    return run


def test_best_epoch_is_measured_by_default(fittool, run):
    best = run.metrics.rows()[run.read_status().best["epoch"] - 1]
    assert values(fittool("evaluate", run.path)) == pytest.approx(
        {"loss": best["val_loss"], "accuracy": best["val_accuracy"]}, rel=1e-5
    )


def test_last_epoch_on_demand(fittool, run):
    last = run.metrics.rows()[-1]
    measured = values(fittool("evaluate", run.path, "--checkpoint", "last"))
    assert measured == pytest.approx({"loss": last["val_loss"], "accuracy": last["val_accuracy"]}, rel=1e-5)


def test_training_data_on_demand(fittool, run, write):
    write()
    images, labels = read_arrays("small.npz").values()
    np.savez("first.npz", x=images[:36], y=labels[:36])
    assert values(fittool("evaluate", run.path, "--on", "train")) == values(fittool("evaluate", run.path, "--data", "first.npz"))


def test_same_folder_as_other_data_gives_the_same(fittool, write, pictures):
    run = fittool("train", write(*FROM_PICTURES, ("  validation_split: 0.25\n", ""))).run
    assert values(fittool("evaluate", run.path, "--on", "train")) == values(fittool("evaluate", run.path, "--data", "pictures"))


def test_class_of_other_data_that_training_did_not_know(fittool, write, pictures):
    run = fittool("train", write(*FROM_PICTURES)).run
    (pictures / "dog").rename(pictures / "fox")
    done = fittool("evaluate", run.path, "--data", "pictures")
    assert (done.code, "The training data have no class 'fox'." in done.err) == (4, True)


def test_other_data_may_lack_a_class(fittool, write, pictures):
    run = fittool("train", write(*FROM_PICTURES, ("  validation_split: 0.25\n", ""))).run
    (pictures / "cat").rename("cats")
    assert values(fittool("evaluate", run.path, "--data", "pictures"))["loss"] > 0


def test_run_without_validation_data_names_what_to_do(fittool, write):
    run = fittool("train", write(("  validation_split: 0.25\n", ""))).run
    done = fittool("evaluate", run.path)
    assert (done.code, "--on train" in done.err) == (5, True)


def test_data_of_another_shape_are_refused(fittool, run):
    np.savez("wide.npz", x=np.zeros((4, 6, 7, 1), np.uint8), y=np.zeros(4, int))
    done = fittool("evaluate", run.path, "--data", "wide.npz")
    assert done.code == 4
    assert "(6, 7, 1)" in done.err
    assert "(6, 6, 1)" in done.err


@pytest.mark.parametrize(("path", "code"), [("nothing", 5), (".", 5)])
def test_what_is_no_run_is_refused(fittool, small, path, code):
    done = fittool("evaluate", path)
    assert (done.code, "is not a run directory" in done.err) == (code, True)


def test_damaged_checkpoint_is_refused(fittool, run):
    for file in run.paths.checkpoints.iterdir():
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.unlink()
        file.write_bytes(content)
    done = fittool("evaluate", run.path)
    assert (done.code, "best.safetensors" in done.err) == (5, True)


def test_moved_run_can_be_measured(fittool, run, folder):
    before = fittool("evaluate", run.path)
    run.path.rename(folder / "moved")
    assert values(fittool("evaluate", "moved")) == values(before)


class TestCode:
    """A run directory may come from elsewhere, so it must not run code."""

    @pytest.fixture
    def run(self, fittool, write):
        write(text=GENERATOR, name="mine.py")
        return fittool("train", write(*FROM_GENERATOR)).run

    @pytest.mark.parametrize("command", [("evaluate",), ("predict", "small.npz")])
    def test_run_that_names_code_is_refused_without_the_experiment(self, fittool, run, write, command):
        write(text="import pathlib\npathlib.Path('ran').touch()\n" + GENERATOR, name="mine.py")
        name, *rest = command
        done = fittool(name, run.path, *rest)
        assert (done.code, "--experiment" in done.err) == (5, True)
        assert not (run.path.parents[2] / "ran").exists()

    def test_naming_the_experiment_is_the_consent(self, fittool, run):
        measured = values(fittool("evaluate", run.path, "--experiment", "e.yaml", "--on", "train"))
        assert measured["loss"] > 0
        assert len(fittool("predict", run.path, "small.npz", "--experiment", "e.yaml").out.splitlines()) == 49

    def test_summary_of_a_run_runs_no_code(self, fittool, run):
        (run.path.parents[2] / "mine.py").unlink()
        assert "235 parameters" in fittool("summary", run.path).out

    def test_schedule_in_a_file_is_never_called(self, fittool, write, folder):
        write(text="def rate(epoch, rate):\n    open('called', 'a').close()\n    return rate\n", name="mine.py")
        schedule = ("train:\n", 'callbacks: [LearningRateScheduler: {schedule: "mine:rate"}]\ntrain:\n')
        path = write(schedule)
        run = fittool("train", path).run
        (folder / "called").unlink()
        assert fittool("evaluate", run.path).code == 5
        assert fittool("evaluate", run.path, "--experiment", path).code == 0
        assert fittool("predict", run.path, "small.npz", "--experiment", path).code == 0
        assert not (folder / "called").exists()


def test_files_that_are_left_out_are_told(fittool, write, pictures):
    (pictures / "cat" / "2.png").write_bytes(b"no picture")
    run = fittool("train", write(*FROM_PICTURES), "--set", "data.on_bad_file=skip").run
    for options in ([], ["--data", "pictures"]):
        done = fittool("evaluate", run.path, *options)
        assert done.code == 0
        assert done.err.startswith("warning: 1 file is left out. ")
        assert "cat/2.png: This is no image" in done.err


class TestKept:
    """What is told for people, and kept in evaluation.json."""

    def kept(self, run):
        return json.loads((run.path / "evaluation.json").read_text())

    def test_metrics_are_those_printed_with_an_interval_around_them(self, fittool, run):
        printed = values(fittool("evaluate", run.path))
        kept = self.kept(run)
        assert {name: one["value"] for name, one in kept["metrics"].items()} == pytest.approx(printed, rel=1e-5)
        assert all(one["low"] < one["value"] < one["high"] for one in kept["metrics"].values())
        assert kept["interval"] == {
            "level": 0.95, "method": "bootstrap over samples, percentiles", "resamples": 1000, "samples": 12
        }  # fmt: skip

    def test_says_what_was_measured(self, fittool, run):
        fittool("evaluate", run.path, "--on", "train", "--checkpoint", "last")
        kept = self.kept(run)
        assert (kept["data"], kept["checkpoint"], kept["epoch"], kept["samples"], kept["run"]) == ("train", "last", 5, 36, run.id)

    def test_other_data_are_kept_by_their_name_alone(self, fittool, run, folder):
        fittool("evaluate", run.path, "--data", folder / "small.npz")
        assert self.kept(run)["data"] == "small.npz"

    def test_figures_are_those_of_the_predictions(self, fittool, run):
        """Whoever has `predict --on validation` can compute them."""
        fittool("evaluate", run.path)
        rows = [json.loads(line) for line in predicted_rows(fittool, run)]
        kept = self.kept(run)
        for place, name in enumerate(kept["classes"]):
            of_class = [row for row in rows if row["truth"] == name]
            right = sum(row["prediction"] == name for row in of_class)
            assert kept["per_class"][place]["support"] == len(of_class) == sum(kept["confusion"][place])
            assert kept["per_class"][place]["recall"] == right / len(of_class)
            assert kept["confusion"][place][place] == right
        assert kept["accuracy"] == kept["metrics"]["accuracy"]["value"]

    def test_tells_people_the_same(self, fittool, run):
        told = fittool("evaluate", run.path).err
        kept = self.kept(run)
        one = kept["metrics"]["accuracy"]
        assert f"({one['low']:.4f} to {one['high']:.4f})" in told
        for row in kept["per_class"]:
            assert re.search(
                rf"^{row['name']} +{row['precision']:.4f} +{row['recall']:.4f} +{row['f1']:.4f} +{row['support']}$", told, re.M
            )

    def test_a_run_that_cannot_be_written_is_measured_all_the_same(self, fittool, run, monkeypatch):
        def full(*arguments):
            raise StorageError("No space left on device.")

        monkeypatch.setattr("fittool.experiment.results.evaluation.atomic_write", full)
        done = fittool("evaluate", run.path)
        assert values(done)
        assert "warning: evaluation.json is not kept: No space left on device." in done.err

    def test_an_accuracy_of_one_has_an_interval_too(self, fittool, write, pictures):
        run = fittool("train", write(*FROM_PICTURES, ("epochs: 2", "epochs: 30"), ("  validation_split: 0.25\n", ""))).run
        fittool("evaluate", run.path, "--on", "train")
        accuracy = self.kept(run)["metrics"]["accuracy"]
        if accuracy["value"] == 1:
            assert accuracy["low"] == pytest.approx(0.025 ** (1 / 12))

    def test_numbers_have_figures_of_each(self, fittool, write, folder):
        rows = ["a,b,low,high", *(f"{a},{a % 5},{2 * a},{a - 3}" for a in range(40))]
        (folder / "numbers.csv").write_text("\n".join(rows) + "\n")
        path = write(
            ("npz: {path: small.npz}", "csv: {path: numbers.csv, label: [low, high]}"),
            ("    - Rescaling: {scale: 1/255}\n    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", ""),
            ("    - Flatten\n", ""), ("    - Dropout: {rate: 0.25}\n", ""), ("units: 3, activation: softmax", "units: 2"),
            ("sparse_categorical_crossentropy", "mse"), ("[accuracy]", "[mae]"),
        )  # fmt: skip
        run = fittool("train", path).run
        fittool("evaluate", run.path)
        kept, rows = self.kept(run), [json.loads(line) for line in predicted_rows(fittool, run)]
        assert [one["name"] for one in kept["targets"]] == ["low", "high"]
        for one in kept["targets"]:
            errors = np.array([row[f"{one['name']} truth"] - row[one["name"]] for row in rows])
            assert one["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
            assert one["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
            assert one["residual_quantiles"]["0.5"] == pytest.approx(np.median(errors), rel=1e-5)
        assert kept["metrics"]["mae"]["low"] < kept["metrics"]["mae"]["value"] < kept["metrics"]["mae"]["high"]


def predicted_rows(fittool, run):
    """What `predict` says of the validation data, a JSON object a line."""
    assert fittool("predict", run.path, "--on", "validation", "--out", "rows.jsonl").code == 0
    return Path("rows.jsonl").read_text().splitlines()
