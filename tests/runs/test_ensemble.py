"""A folder of runs that belong together is known by its file, and by nothing that leads out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fittool.errors import CheckpointError
from fittool.runs.ensemble import Ensemble, ensemble_at, members_of
from fittool.runs.status import Status, encode_status


def with_states(root: Path, *states: str) -> Path:
    for number, state in enumerate(states):
        (root / f"fold-{number}").mkdir()
        (root / f"fold-{number}" / "status.json").write_bytes(encode_status(Status(state)))  # type: ignore[arg-type]
    Ensemble(root, "folds", tuple(f"fold-{number}" for number in range(len(states)))).write()
    return root


def test_what_is_written_is_read(tmp_path: Path):
    written = Ensemble(tmp_path, "seeds", ("seed-7", "seed-8"))
    written.write()
    assert ensemble_at(tmp_path) == written


def test_members_are_in_their_order(tmp_path: Path):
    with_states(tmp_path, "completed", "stopped")
    assert members_of(tmp_path) == (tmp_path / "fold-0", tmp_path / "fold-1")


def test_a_folder_of_something_else_has_none(tmp_path: Path):
    assert ensemble_at(tmp_path) is None
    assert members_of(tmp_path) == ()


@pytest.mark.parametrize("state", ["running", "interrupted", "failed"])
def test_all_members_are_needed(tmp_path: Path, state: str):
    with pytest.raises(CheckpointError, match=f"fold-1 is {state}, and all members are needed"):
        members_of(with_states(tmp_path, "completed", state))


def test_a_member_that_has_not_begun_is_told(tmp_path: Path):
    Ensemble(tmp_path, "folds", ("fold-0",)).write()
    with pytest.raises(CheckpointError, match="fold-0 has not begun"):
        members_of(tmp_path)


@pytest.mark.parametrize(
    "content",
    [[], {"kind": "folds"}, {"kind": "folds", "members": []}, {"kind": "folds", "members": ["../other"]},
     {"kind": "folds", "members": [".."]}, {"kind": "others", "members": ["a"]}, {"kind": "seeds", "members": [1]}],
)  # fmt: skip
def test_what_fittool_did_not_write_is_refused(tmp_path: Path, content: object):
    (tmp_path / "ensemble.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="names no runs that fittool wrote"):
        ensemble_at(tmp_path)
