"""What a sweep's directory says of its trials, after any kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fittool.errors import CheckpointError, ExperimentError, UsageError
from fittool.search.record import Record, make_directory, open_record

DESCRIBED: dict[str, Any] = {"method": "random", "parameters": {"a": [1, 2]}, "experiment": {"seed": 7}}


def opened(root: Path, **more: Any) -> Record:
    return open_record(root, {**DESCRIBED, **more})


def test_trials_are_read_as_they_were_written(tmp_path: Path):
    record = opened(tmp_path)
    first, second = record.begin({"a": 1}), record.begin({"a": {"b": [1.5]}})
    record.end(replace(first, end="pruned", value=0.5, epoch=2, epochs=3, seconds=1.25, reason="so"))
    again = opened(tmp_path)
    assert (again.trials, again.identity) == ([record.trials[0], second], record.identity)
    assert again.directory(second) == tmp_path / "trial-0001"


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_half_a_line_is_no_trial(tmp_path: Path, cut: int):
    record = opened(tmp_path)
    record.begin({"a": 1})
    record.begin({"a": 2})
    content = record.path.read_bytes()
    record.path.write_bytes(content[:-cut])
    assert [trial.values for trial in opened(tmp_path).trials] == [{"a": 1}]


def test_another_sweep_is_refused_with_what_differs(tmp_path: Path):
    opened(tmp_path)
    with pytest.raises(ExperimentError, match=r"method was .random. when the sweep began, and is .tpe. now"):
        opened(tmp_path, method="tpe")
    with pytest.raises(ExperimentError, match=r"parameters.a was \[1,2\] [^\n]* is absent now(?s:.)*choose another directory"):
        opened(tmp_path, parameters={"b": [1]})


def test_a_directory_with_other_things_is_refused(tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"of no sweep, such as letter\.txt"):
        opened(tmp_path)


def test_a_file_is_no_directory(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--dir names a directory"):
        make_directory(tmp_path / "file")


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[]", '{"trial": 3, "begins": {}}', '{"trial": 0, "begins": 1}', '{"trial": 5, "ends": "finished"}',
     '{"trial": 0, "ends": "lost"}', '{"begins": {}}'],
)  # fmt: skip
def test_a_damaged_record_is_told_with_its_line(tmp_path: Path, line: str):
    record = opened(tmp_path)
    record.begin({"a": 1})
    with record.path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(CheckpointError, match=r"trials.jsonl:2: is not what fittool wrote"):
        opened(tmp_path)


def test_a_damaged_description_is_told(tmp_path: Path):
    opened(tmp_path)
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(CheckpointError, match="is not of a sweep that fittool began"):
        opened(tmp_path)
