"""Paths in messages are written as a person in the working directory would write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fittool.errors import shown


def test_what_lies_below_the_working_directory_is_named_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "run" / "status.json") == "run/status.json"
    assert shown(tmp_path) == str(tmp_path)
    assert shown(f"{tmp_path}more/a") == f"{tmp_path}more/a"


def test_control_characters_are_escaped() -> None:
    assert shown("a\x1b[31m") == "a\\x1b[31m"


def test_a_working_directory_that_is_gone_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    assert shown("/a") == "/a"


def test_a_name_that_a_shell_would_read_as_a_home_keeps_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "~" / "a") == f"{tmp_path}/~/a"
