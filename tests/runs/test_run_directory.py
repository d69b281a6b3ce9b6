from __future__ import annotations

import errno
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fittool.errors import CheckpointError, Problem, RunInUseError, StorageError, UsageError
from fittool.runs import directory
from fittool.runs.checkpoint import CheckpointFacts
from fittool.runs.directory import RunDirectory
from fittool.runs.files.lock import is_held
from fittool.runs.status import Status


def test_a_run_is_made_below_its_name_with_time_and_id(tmp_path):
    with RunDirectory.create(tmp_path / "runs", "digits") as run:
        assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", run.path.name)
        assert (run.path.parent, run.id) == (tmp_path / "runs" / "digits", run.path.name)


def test_fifty_runs_in_one_second_are_fifty_directories(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: RunDirectory.create(tmp_path, "a"), range(50)))
    assert len({run.path for run in runs}) == 50
    for run in runs:
        run.close()


def test_a_taken_id_is_not_used_twice(monkeypatch, tmp_path):
    ids = iter(["x", "x", "y"])
    monkeypatch.setattr(directory, "new_id", lambda: next(ids))
    runs = [RunDirectory.create(tmp_path, "a") for _ in range(2)]
    assert [run.path.name for run in runs] == ["x", "y"]
    for run in runs:
        run.close()


def test_a_root_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(StorageError, match="a part of the path is a file"):
        RunDirectory.create(tmp_path / "runs", "a")


def named_paths(run):
    return {
        name: str(getattr(run.paths, name).relative_to(run.path))
        for name in dir(run.paths)
        if name[0] != "_" and name not in ("root", "keeps")
    }


def test_every_path_is_one_that_nobody_else_may_write(run):
    for name in named_paths(run):
        assert run.paths.keeps(getattr(run.paths, name)), name


def test_every_path_has_its_public_name(run):
    assert named_paths(run) == {
        "baselines": "baselines.json",
        "best": "checkpoints/best.safetensors",
        "checkpoints": "checkpoints",
        "columns": "columns.json",
        "classes": "classes.json",
        "diverged": "diverged.safetensors",
        "environment": "environment.json",
        "evaluation": "evaluation.json",
        "experiment": "experiment.yaml",
        "inputs": "inputs.json",
        "history": "history.csv",
        "last": "checkpoints/last.safetensors",
        "log": "run.log",
        "metrics": "metrics.jsonl",
        "plots": "plots",
        "previous": "checkpoints/previous.safetensors",
        "profile": "profile.json",
        "report": "report.html",
        "skipped": "skipped.txt",
        "status": "status.json",
        "threshold": "threshold.json",
        "validation": "validation.csv",
    }


def test_a_given_directory_is_used_exactly(tmp_path):
    with RunDirectory.at(tmp_path / "a" / "b") as run:
        assert run.path == tmp_path / "a" / "b"


def test_a_given_directory_that_is_not_empty_needs_resume(tmp_path):
    (tmp_path / "experiment.yaml").write_text("")
    with pytest.raises(UsageError, match=r"is not empty\. Add --resume"):
        RunDirectory.at(tmp_path)
    RunDirectory.at(tmp_path, resume=True).close()


def test_a_directory_of_other_things_is_no_run_to_resume(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="files that are of no run, such as x"):
        RunDirectory.at(tmp_path, resume=True)


def test_a_start_that_came_to_nothing_leaves_an_empty_directory(tmp_path):
    with pytest.raises(UsageError, match="is not empty"):
        RunDirectory.at(tmp_path.parent)
    (tmp_path / ".lock").write_text("")
    RunDirectory.at(tmp_path).close()


def test_a_file_is_no_run_directory(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="x: is a file"):
        RunDirectory.at(tmp_path / "x")


def test_a_directory_in_use_is_refused_before_anything_else(run):
    for enter in (lambda: RunDirectory.at(run.path), lambda: RunDirectory.open(run.path, lock=True)):
        with pytest.raises(RunInUseError, match=f"process {os.getpid()}"):
            enter()


def test_a_directory_that_another_process_made_first_is_left_to_it(monkeypatch, tmp_path):
    make_folder, winners = directory.make_folder, []

    def outrun(path):
        if path == tmp_path / "run" and not winners:
            winners.append(None)
            winners[0] = RunDirectory.at(path)
        make_folder(path)

    monkeypatch.setattr(directory, "make_folder", outrun)
    with pytest.raises(RunInUseError, match=f"process {os.getpid()}"):
        RunDirectory.at(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints").is_dir()
    winners[0].close()


def test_readers_need_no_lock(run):
    with RunDirectory.open(run.path) as reader:
        assert reader.read_experiment() == "name: digits\n"


def test_resuming_keeps_the_id_and_the_start(run, tmp_path):
    run.write_status(Status("running"))
    text = run.paths.status.read_text().replace('"started": "2', '"started": "1')
    run.paths.status.write_text(text)
    run.close()
    with RunDirectory.at(run.path, resume=True) as again:
        again.write_status(Status("running"))
        assert (again.id, again.read_status().started[0]) == (run.id, "1")


def test_a_moved_run_is_still_itself(run, tmp_path, tensors):
    run.save_checkpoint(tensors, CheckpointFacts(epoch=1))
    run.close()
    shutil.move(run.path, tmp_path / "moved")
    with RunDirectory.open(tmp_path / "moved", lock=True) as moved:
        assert (moved.id, moved.checkpoints.load_newest()[0].facts.epoch) == (run.id, 1)


def test_resuming_without_a_checkpoint_sets_earlier_rows_aside(run):
    run.metrics.append({"epoch": 1})
    run.close()
    with RunDirectory.at(run.path, resume=True) as again:
        assert again.metrics.rows() == []


def test_resuming_with_a_checkpoint_keeps_the_rows(run, tensors):
    run.metrics.append({"epoch": 1})
    run.save_checkpoint(tensors, CheckpointFacts(epoch=1))
    run.close()
    with RunDirectory.at(run.path, resume=True) as again:
        assert again.metrics.rows() == [{"epoch": 1}]


def test_resuming_clears_away_what_a_kill_left(run):
    run.close()
    (run.paths.checkpoints / ".fittool-1-00000000.tmp").write_text("x")
    run.paths.log.write_text("whole\nhalf")
    with RunDirectory.at(run.path, resume=True):
        assert not list(run.paths.checkpoints.iterdir())
        assert run.paths.log.read_text() == "whole\n"


@pytest.mark.parametrize("name", ["experiment.yaml", "environment.json"])
def test_opening_says_what_is_missing(name, run):
    (run.path / name).unlink()
    with pytest.raises(CheckpointError, match=f"its run never began: {name} missing"):
        RunDirectory.open(run.path)


def test_opening_a_folder_of_runs_names_one_of_them(tmp_path):
    for name in ("fold-0", "fold-1"):
        folder = tmp_path / "my folds" / name
        folder.mkdir(parents=True)
        for file in ("experiment.yaml", "environment.json"):
            (folder / file).write_text("")
    with pytest.raises(
        CheckpointError, match=r"my folds: is not a run directory itself, but holds 2 runs\. Give one.*my folds/fold-1"
    ):
        RunDirectory.open(tmp_path / "my folds")


def test_opening_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="there is no such directory"):
        RunDirectory.open(tmp_path / "x")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("{", "is damaged: Expecting"),
        ("{}", "the id of the run is not in it"),
        ("[]", "not in it"),
        ('{"run": "a", "format": "2"}', "is damaged: format is not what fittool wrote"),
        ('{"run": "a", "format": 0}', "is damaged: format is not what fittool wrote"),
        (
            '{"format": 3, "versions": {"fittool": "9.1\\n"}}',
            r"was written by fittool 9\.1\\n in format 3; .* format 2: upgrade\.$",
        ),
    ],
)
def test_a_damaged_environment_is_refused(content, cause, run):
    run.paths.environment.write_text(content)
    with pytest.raises(CheckpointError, match=cause):
        RunDirectory.open(run.path)


def test_a_lock_is_freed_when_opening_fails(run):
    run.close()
    shutil.rmtree(run.paths.checkpoints)
    run.paths.checkpoints.write_text("in the way")
    for enter in (lambda: RunDirectory.at(run.path, resume=True), lambda: RunDirectory.open(run.path, lock=True)):
        with pytest.raises(StorageError, match="checkpoints: cannot be written"):
            enter()
    run.paths.checkpoints.unlink()
    RunDirectory.open(run.path, lock=True).close()


def test_a_reader_whose_opening_fails_has_no_lock_to_free(monkeypatch, run):
    def broken(path):
        raise CheckpointError("broken")

    monkeypatch.setattr(directory, "MetricsLog", broken)
    with pytest.raises(CheckpointError, match="broken"):
        RunDirectory.open(run.path)


def test_a_damaged_status_does_not_stop_a_run(run):
    run.close()
    run.paths.status.write_text("{")
    with RunDirectory.at(run.path, resume=True) as again:
        again.write_status(Status("running"))
        assert again.read_status().started


def test_the_environment_carries_the_runs_id(run):
    assert run.read_environment() == {"run": run.id, "seed": 7}


def test_the_experiment_is_kept_to_the_byte(run):
    text = "a: é\r\n\udcff"
    run.write_experiment(text)
    assert run.read_experiment() == text
    assert run.paths.experiment.read_bytes() == b"a: \xc3\xa9\r\n\xff"


@pytest.mark.parametrize("names", [("cat", "no", "日本", "<script>"), ()])
def test_class_names_are_recorded(names, run):
    assert run.read_classes() is None
    run.write_classes(names)
    assert run.read_classes() == names


@pytest.mark.parametrize("content", ['{"a": 1}', "[1]"])
def test_damaged_class_names_are_refused(content, run):
    run.paths.classes.write_text(content)
    with pytest.raises(CheckpointError, match="is not a list of class names"):
        run.read_classes()


def test_the_status_has_process_and_times(run):
    run.write_status(Status("completed", epoch=3, exit_code=0))
    said = json.loads(run.paths.status.read_bytes())
    assert (said["state"], said["epoch"], said["exit_code"], said["pid"]) == ("completed", 3, 0, os.getpid())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["updated"])


def test_the_history_is_the_metrics_as_a_table(run):
    run.metrics.append({"epoch": 1, "loss": 0.5})
    run.write_history()
    assert run.paths.history.read_text() == "epoch,loss\n1,0.5\n"
    run.write_history([{"epoch": 9}])
    assert run.paths.history.read_text() == "epoch\n9\n"


def test_the_log_has_times_and_no_control_characters(run):
    run.log("one\n\x1b[31mtwo\udcff")
    lines = run.paths.log.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", r"\x1b[31mtwo\udcff"]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)


def test_a_checkpoint_knows_the_metrics_before_it(run, tensors):
    run.metrics.append({"epoch": 1})
    assert run.save_checkpoint(tensors, CheckpointFacts(epoch=1), best=True) is None
    checkpoint = run.checkpoints.load_best()[0]
    assert (checkpoint.facts.metrics_bytes, checkpoint.facts.run) == (run.paths.metrics.stat().st_size, run.id)


@pytest.mark.parametrize("best", [False, True])
def test_a_checkpoint_that_may_be_lost_is_a_warning(best, failing_fsync, run, tensors):
    fired = failing_fsync(errno.EIO, calls=(2,))
    assert "not certain to survive a power cut" in (run.save_checkpoint(tensors, CheckpointFacts(), best=best) or "")
    assert fired == [2]


def test_a_run_directory_that_was_removed_is_not_made_again(run, tensors):
    shutil.rmtree(run.path)
    for write in (lambda: run.save_checkpoint(tensors, CheckpointFacts()), lambda: run.metrics.append({}), lambda: run.log("x")):
        with pytest.raises(StorageError, match="its directory is not there"):
            write()
    assert not run.path.exists()


def test_a_temporary_run_can_be_discarded():
    run = RunDirectory.temporary()
    run.save_checkpoint({"weights/a": np.zeros(3)}, CheckpointFacts())
    run.discard()
    assert not run.path.exists()


def test_a_run_is_held_while_it_is_discarded(monkeypatch):
    """Or another trial would remove it at the same time, and one of both would fail."""
    run, held, remove = RunDirectory.temporary(), [], shutil.rmtree

    def watched(path):
        held.append(is_held(path))
        remove(path)

    monkeypatch.setattr(directory.shutil, "rmtree", watched)
    run.discard()
    assert (held, run.path.exists()) == ([True], False)


def test_discarding_leaves_a_folder_that_was_there_before(tmp_path):
    with RunDirectory.at(tmp_path) as run:
        run.write_environment({})
        run.discard()
    assert list(tmp_path.iterdir()) == []


def test_skipped_files_are_listed_with_the_reason(run):
    run.write_skipped([Problem("The image is cut short.", "cats/7.png"), Problem("It is empty.", "cats/9\n.png")])
    assert run.paths.skipped.read_text() == "cats/7.png: The image is cut short.\ncats/9\\n.png: It is empty.\n"


def test_opening_a_run_imports_neither_pydantic_nor_safetensors(child, run):
    code = """
import sys
from pathlib import Path
from fittool.runs.directory import RunDirectory
RunDirectory.open(Path(sys.argv[1]))
print({"pydantic", "safetensors", "PIL", "rich"} & set(sys.modules))
"""
    assert child(code, run.path).communicate()[0] == "set()\n"


def test_the_files_stay_where_they_are_when_the_working_directory_changes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with RunDirectory.at(Path("run")) as run:
        monkeypatch.chdir("/")
        run.log("still here")
        assert str(run.path) == "run"
    assert "still here" in (tmp_path / "run" / "run.log").read_text()


def test_a_working_directory_that_is_gone_is_no_failure(monkeypatch, tmp_path):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert directory._absolute(Path("run")) == Path("run")


def test_the_status_is_true_although_the_disk_is_full(run, monkeypatch):
    run.write_status(Status("running", epoch=100))

    def full(path, chunks):
        raise StorageError("cannot be written: the disk is full.", place=str(path))

    monkeypatch.setattr(directory, "atomic_write", full)
    run.write_status(Status("failed", epoch=3))
    assert (run.read_status().state, run.read_status().epoch) == ("failed", 3)
    run.paths.status.unlink()
    with pytest.raises(StorageError, match="the disk is full"):
        run.write_status(Status("failed"))


def test_inputs_come_back_and_damage_is_told(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, "run") as run:
        assert run.read_inputs() is None
        run.write_inputs([{"name": "input"}])
        assert run.read_inputs() == [{"name": "input"}]
        for content, text in ((b"[]", "does not say what was learnt from"), (b"{", "is damaged")):
            run.paths.inputs.write_bytes(content)
            with pytest.raises(CheckpointError, match=text):
                run.read_inputs()
