from __future__ import annotations

import pytest

from fittool.errors import CheckpointError
from fittool.runs.status import Status, encode_status, load_status


def test_a_status_comes_back(tmp_path):
    status = Status(
        "stopped", "val_loss has not improved.", 3, 135, {"epoch": 2, "monitor": "val_loss", "value": 0.1}, 0, 4711, "a", "b"
    )
    (tmp_path / "status.json").write_bytes(encode_status(status))
    assert load_status(tmp_path / "status.json") == status


def test_unknown_keys_are_passed_over(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "running", "mood": "good"}')
    assert load_status(tmp_path / "status.json") == Status("running")


@pytest.mark.parametrize(
    ("content", "cause"),
    [("", "not a status"), ("[]", "not a status"), ("{}", "not a status"), ('{"state": "happy\\n"}', r"unknown state happy\\n")],
)
def test_a_damaged_status_is_refused(content, cause, tmp_path):
    (tmp_path / "status.json").write_text(content)
    with pytest.raises(CheckpointError, match=cause):
        load_status(tmp_path / "status.json")


def test_a_missing_status_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"status\.json: cannot be read: No such file"):
        load_status(tmp_path / "status.json")


@pytest.mark.parametrize(
    ("state", "finished"), [("completed", True), ("stopped", True), ("interrupted", False), ("running", False)]
)
def test_only_a_run_that_came_to_its_own_end_is_finished(state, finished):
    assert Status(state).is_finished is finished
