"""Going on with a run as users and cron do it: `fittool resume`, `train --resume`, `--timeout`, and what is refused."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from cli.commands import FROM_GENERATOR, GENERATOR, LIMIT, wait_for, weights

from fittool.runs.directory import RunDirectory

HERE = ("--run-dir", "here", "--resume")
EVER = ("--set", "train.epochs=1000000")


def run(path="here"):
    return RunDirectory.open(Path(path))


def content(folder):
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def killed(start, small, *options, number=signal.SIGKILL, steps=1):
    """A run in `here` that was ended by a signal after a checkpoint."""
    process = start("train", small, *HERE, *options)
    last = Path("here/checkpoints/last.safetensors")
    wait_for(lambda: last.exists() and run().checkpoints.load_newest()[0].facts.step >= steps, process)
    process.send_signal(number)
    return (*process.communicate(timeout=LIMIT), process.returncode)


def test_train_resume_starts_goes_on_and_ends(fittool, small):
    assert fittool("train", small, *HERE, "--timeout", "0.001s").code == 75
    status = run().read_status()
    assert (status.state, status.exit_code, status.step) == ("interrupted", 75, 1)
    done = fittool("train", small, *HERE)
    assert "Continuing at epoch 1, step 2 of 5 (saved " in done.err
    assert weights(done.run) == weights(fittool("train", small, "--run-dir", "whole").run)


def test_finished_run_is_left_as_it_is(fittool, small):
    fittool("train", small, *HERE)
    before = content("here")
    for command in (("train", small, *HERE), ("resume", "here")):
        done = fittool(*command)
        assert (done.code, done.out) == (0, "here\n")
        assert "nothing to do" in done.err
        assert "fittool resume here --epochs" in done.err
    assert content("here") == before
    assert fittool("train", small, *HERE, "--quiet").err == ""


def test_require_holds_for_a_finished_run_too(fittool, small):
    fittool("train", small, *HERE)
    assert fittool("resume", "here", "--require", "accuracy>=0").code == 0
    assert fittool("resume", "here", "--require", "accuracy>=2").code == 11
    assert fittool("resume", "here", "--require", "acuracy>=0").code == 2


def test_changed_experiment_is_refused_and_listed(fittool, small):
    fittool("train", small, *HERE, "--timeout", "0.001s")
    before = content("here/checkpoints")
    done = fittool("train", small, *HERE, "--set", "train.batch_size=9", "--set", "seed=8")
    assert done.code == 3
    assert "train.batch_size was 8 when the run began, and is 9 now." in done.err
    assert "seed was 7 when the run began, and is 8 now." in done.err
    assert "--accept-changes" in done.err
    assert content("here/checkpoints") == before
    assert fittool("train", small, *HERE, "--set", "train.batch_size=9", "--accept-changes").code == 0
    assert fittool("train", small, *HERE, "--set", "train.batch_size=9").code == 0


@pytest.mark.parametrize(
    "setting", ["name=other", "train.verbose=2", "train.workers=3", "output.dir=elsewhere", "engine={numpy: {threads: 1}}",
                "callbacks=[{CSVLogger: {filename: a.csv}}]", "train.epochs=3"]
)  # fmt: skip
def test_what_cannot_change_the_numbers_is_no_change(fittool, small, setting):
    fittool("train", small, *HERE, "--timeout", "0.001s")
    assert fittool("train", small, *HERE, "--set", setting).code == 0


def test_changed_data_are_refused_with_both_fingerprints(fittool, small):
    fittool("train", small, *HERE, "--timeout", "0.001s")
    images = np.random.default_rng(1).integers(0, 256, (56, 6, 6, 1), dtype=np.uint8)
    np.savez("small.npz", x=images, y=np.arange(56) % 3)
    done = fittool("train", small, *HERE)
    assert done.code == 4
    assert "The train data are not those that the run began with: 36 samples → 42, fingerprint " in done.err
    assert fittool("train", small, *HERE, "--timeout", "0.001s", "--accept-changes").code == 75
    assert fittool("resume", "here").code == 0


def test_data_that_were_moved_are_the_same(fittool, small):
    fittool("train", small, *HERE, "--timeout", "0.001s")
    Path("data").mkdir()
    Path("small.npz").rename("data/small.npz")
    assert fittool("train", small, *HERE, "--set", "data.train.npz.path=data/small.npz").code == 0


def test_kill_is_told_and_the_run_goes_on_the_same(start, fittool, small):
    killed(start, small, *EVER, "--set", "output.checkpoint.every={steps: 2}", steps=7)
    assert run().read_status().state == "running"
    epochs = run().checkpoints.load_newest()[0].facts.epoch + 2
    done = fittool("resume", "here", "--epochs", epochs)
    assert "The last run was killed (signal 9; out of memory?), at or after 20" in done.err
    assert done.run.read_status().state == "completed"
    whole = fittool("train", small, "--run-dir", "whole", "--set", f"train.epochs={epochs}").run
    assert weights(done.run) == weights(whole)
    assert len(done.run.metrics.rows()) == epochs


def test_killed_run_whose_data_are_gone_says_so_in_its_status(start, fittool, small):
    killed(start, small, *EVER)
    Path("small.npz").unlink()
    assert fittool("resume", "here").code == 4
    status = run().read_status()
    assert (status.state, status.exit_code) == ("interrupted", 137)


def test_signal_and_resume(start, fittool, small):
    _, err, code = killed(start, small, *EVER, number=signal.SIGTERM)
    assert (code, err.splitlines()[-1].endswith("The state is saved in here.")) == (-signal.SIGTERM, True)
    step = run().read_status().step
    epochs = step // 5 + 2
    done = fittool("resume", "here", "--epochs", epochs)
    assert done.run.checkpoints.load("last.safetensors").facts.step == 5 * epochs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_before_training_leaves_nothing(start, folder, write, number):
    write(text="import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n", name="mine.py")
    process = start("train", write(*FROM_GENERATOR), "--run-dir", "here")
    wait_for((folder / "loading").exists, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err.strip()) == (-number, "")
    assert not (folder / "here").exists()


def test_second_process_on_a_live_run_is_refused(start, fittool, small):
    process = start("train", small, *HERE, *EVER)
    wait_for(Path("here/checkpoints/last.safetensors").exists, process)
    assert fittool("resume", "here").code == fittool("train", small, *HERE).code == 8
    assert process.poll() is None


def test_damaged_checkpoint_falls_back_aloud(fittool, small):
    whole = weights(fittool("train", small, "--run-dir", "whole").run)
    fittool("train", small, *HERE, "--set", "output.checkpoint.every={steps: 2}", "--timeout", "0.001s")
    fittool("resume", "here", "--timeout", "0.001s")
    last = Path("here/checkpoints/last.safetensors")
    last.write_bytes(last.read_bytes()[:-1] + b"x")
    done = fittool("train", small, *HERE, "--quiet")
    assert done.code == 0
    assert "Going on from previous.safetensors, epoch 0, step 1." in done.err
    assert "Going on from previous.safetensors" in run().paths.log.read_text()
    assert weights(run()) == whole


def test_no_whole_checkpoint_is_refused(fittool, small):
    fittool("train", small, *HERE)
    for name in ("last", "previous"):
        Path(f"here/checkpoints/{name}.safetensors").write_bytes(b"")
    assert fittool("resume", "here", "--epochs", 4).code == 5


def test_directory_left_before_the_first_checkpoint_starts_anew(fittool, small):
    fittool("train", small, *HERE)
    for path in Path("here/checkpoints").iterdir():
        path.unlink()
    assert fittool("train", small, *HERE).code == 0
    assert [row["epoch"] for row in run().metrics.rows()] == [1, 2]
    (Path("half") / "checkpoints").mkdir(parents=True)
    Path("half/experiment.yaml").write_text("half")
    assert fittool("train", small, "--run-dir", "half", "--resume").code == 0


def test_foreign_files_are_refused_and_kept(fittool, small):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years")
    done = fittool("train", small, "--run-dir", "mine", "--resume")
    assert done.code == 2
    assert "thesis.txt" in done.err
    assert Path("mine/thesis.txt").read_text() == "years"
    assert fittool("resume", "mine").code == 5


def test_resume_without_a_directory_is_a_usage_error(fittool, small):
    assert fittool("train", small, "--resume").code == 2
    assert fittool("train", small, *HERE, "--smoke").code == 2
    assert fittool("train", small, *HERE, "--timeout", "soon").code == 2


def test_schedule_made_for_the_old_end_asks(fittool, write):
    schedule = "{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 10}}}}"
    fittool("train", write(("optimizer: adam", f"optimizer: {schedule}")), *HERE)
    before = content("here/checkpoints")
    done = fittool("resume", "here", "--epochs", 4)
    assert done.code == 3
    assert "CosineDecay of the optimizer ends at step 10, where 2 epochs end" in done.err
    assert content("here/checkpoints") == before
    assert fittool("resume", "here", "--epochs", 4, "--accept-changes").code == 0


def test_stopped_early_and_extended_it_is_patient_anew(fittool, write):
    stopping = "callbacks: [{EarlyStopping: {monitor: loss, patience: 1, min_delta: 5, restore_best_weights: true}}]\ntrain:\n"
    small = write(("train:\n", stopping), ("epochs: 2", "epochs: 20"))
    assert fittool("train", small, *HERE).run.read_status().epoch == 2
    assert fittool("train", small, *HERE).run.read_status().epoch == 2
    assert fittool("resume", "here", "--epochs", 10).run.read_status().epoch == 3


def test_run_with_code_needs_the_users_word(fittool, write):
    write(text=GENERATOR, name="mine.py")
    path = write(*FROM_GENERATOR)
    assert fittool("train", path, *HERE, "--timeout", "0.001s").code == 75
    assert fittool("resume", "here").code == 5
    done = fittool("resume", "here", "--experiment", "here/experiment.yaml")
    assert (done.code, "mine.py:batches is called again" in done.err) == (0, True)


def test_the_report_of_a_finished_run_is_no_work_that_is_repeated(fittool, small):
    fittool("train", small, *HERE)
    long_ago = run().paths.last.stat().st_mtime - 60
    os.utime(run().paths.last, (long_ago, long_ago))
    told = fittool("resume", "here", "--epochs", 3).err
    assert "Continuing at epoch 3, step 1" in told
    assert "repeated" not in told


def test_environment_tells_what_is_another_one(fittool, small):
    fittool("train", small, *HERE, "--timeout", "0.001s")
    file = Path("here/environment.json")
    environment = json.loads(file.read_text())
    environment["versions"]["numpy"], environment["arithmetic"] = "1.0", "0"
    file.write_text(json.dumps(environment))
    assert "continues, but not bit-identical: versions.numpy 1.0 → " in fittool("resume", "here").err
    (resumed,) = json.loads(file.read_text())["resumed"]
    assert resumed["changed"]["versions.numpy"] == ["1.0", np.__version__]
