from __future__ import annotations

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import FROM_GENERATOR, FROM_PICTURES, GENERATOR, WORSE_AT_THE_END


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
