"""What verify tells of runs that are young, at work, locked away or damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from fittool.errors import CheckpointError, ExperimentError
from fittool.runs import verify
from fittool.runs.checkpoint import CheckpointFacts
from fittool.runs.directory import RunDirectory, digest_of
from fittool.runs.status import Status
from fittool.runs.verify import verify_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has just begun."""
    with RunDirectory.at(tmp_path / "run") as made:
        made.write_experiment("name: a\n")
        made.write_environment({})
        made.write_status(Status("running"))
    return tmp_path / "run"


def test_a_run_without_checkpoints_is_whole(run: Path) -> None:
    seen = verify_run(run)
    assert "checkpoints: none yet" in seen.facts
    assert not seen.problems


def test_a_state_that_was_given_up_is_no_checkpoint(run: Path) -> None:
    with RunDirectory.open(run, lock=True) as again:
        again.save_diverged({"weights/a": np.full(1, np.nan, np.float32)}, CheckpointFacts())
    assert "checkpoints: none yet" in verify_run(run).facts


def test_epochs_that_are_not_in_sequence_are_told(run: Path) -> None:
    (run / "metrics.jsonl").write_text("".join(json.dumps({"epoch": epoch}) + "\n" for epoch in (1, 3)))
    assert [problem.text for problem in verify_run(run).problems] == ["The epochs are not in sequence: 1, 3."]


def test_a_run_that_was_killed_before_its_first_status_is_whole(run: Path) -> None:
    (run / "status.json").unlink()
    seen = verify_run(run)
    assert "status.json: none yet" in seen.facts
    assert not seen.problems


def test_half_a_line_at_the_end_is_told_and_no_problem(run: Path) -> None:
    (run / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo')
    seen = verify_run(run)
    assert "metrics.jsonl: half a line at its end, which going on will drop" in seen.facts
    assert not seen.problems


def test_a_damaged_status_is_told_once(run: Path) -> None:
    (run / "history.csv").write_text("epoch\n")
    (run / "status.json").write_text("{")
    assert len(verify_run(run).problems) == 1


def test_a_run_that_is_at_work_gets_time_to_finish_a_write(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(verify.time, "sleep", waits.append)
    (run / "metrics.jsonl").write_text('{"epoch": 5}\n{"epoch": 5}\n')
    with RunDirectory.open(run, lock=True):
        seen = verify_run(run)
    assert seen.at_work
    assert len(seen.problems) == 1
    assert len(waits) == verify._TRIES


def test_a_copy_that_cannot_be_locked_is_looked_at_all_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise OSError("no locks here")

    monkeypatch.setattr(verify, "is_held", refuse)
    assert not verify_run(run).at_work


def saved(run: Path, *steps: int) -> None:
    with RunDirectory.open(run, lock=True) as again:
        for step in steps:
            again.save_checkpoint({"weights/a": np.zeros(1, np.float32)}, CheckpointFacts(step=step))


@pytest.mark.parametrize("lost", ["last", "last, previous"])
def test_a_run_that_ended_must_have_its_last_checkpoint(run: Path, lost: str) -> None:
    saved(run, 1, 2)
    with RunDirectory.open(run, lock=True) as again:
        again.write_status(Status("completed"))
    for name in lost.split(", "):
        (run / "checkpoints" / f"{name}.safetensors").unlink()
    (problem,) = verify_run(run).problems
    assert problem.text == "There is no such file, although the run has saved one."


def test_checkpoints_that_were_swapped_are_told(run: Path) -> None:
    saved(run, 1, 2)
    folder = run / "checkpoints"
    (folder / "last.safetensors").rename(folder / "x")
    (folder / "previous.safetensors").rename(folder / "last.safetensors")
    (folder / "x").rename(folder / "previous.safetensors")
    (problem,) = verify_run(run).problems
    assert problem.text == "This is at step 1, but previous.safetensors, which was saved before, at 2."


@pytest.mark.parametrize(
    "name", ["status.json", "environment.json", "metrics.jsonl", "experiment.yaml", "classes.json", "inputs.json"]
)
def test_a_pipe_in_the_place_of_a_file_blocks_nothing(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    try:
        problems = verify_run(run).problems
    except CheckpointError as error:
        problems = error.problems
    assert "is no regular file. Remove it." in [problem.text for problem in problems]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("status.json", "epoch", "x"), ("status.json", "updated", 3), ("environment.json", "data", 3),
        ("environment.json", "samples", 3), ("environment.json", "resumed", [3]),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_damage(run: Path, name: str, field: str, value: object) -> None:
    content = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps(content | {field: value}))
    try:
        problems = verify_run(run).problems
    except CheckpointError as error:
        problems = error.problems
    assert f"{field} is" in problems[0].text


def test_an_edited_experiment_is_told(run: Path) -> None:
    with RunDirectory.open(run, lock=True) as again:
        again.write_environment({"experiment": [digest_of("name: a\n")]})
        assert not verify_run(run).problems
        again.write_experiment("name: b\n")
        with pytest.raises(ExperimentError, match="was changed after fittool wrote it"):
            again.check_experiment()
    assert [problem.text for problem in verify_run(run).problems] == ["This is not what fittool wrote: it was changed."]
