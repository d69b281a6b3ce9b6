"""What a killed process left of a write is removed by the next one that writes there; nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import environment

from fittool.runs.files import temporary_names
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.temporary_names import is_temporary, temporary_name

KILLED = """\
import os
from pathlib import Path
from fittool.runs.files.atomic import Staging
with Staging(Path(".")) as staging:
    staging.write([b"half"])
    os._exit(1)
"""
DAY = 86400


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A temporary file of a process that was killed while it wrote, in a folder that this process has not written to."""
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment(), check=False)
    (file,) = tmp_path.iterdir()
    assert is_temporary(file.name)
    return file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_write_removes_it(left: Path) -> None:
    atomic_write(left.parent / "log.csv", [b"whole"])
    assert names(left.parent) == ["log.csv"]


def test_a_folder_is_looked_at_once(left: Path, tmp_path: Path) -> None:
    atomic_write(tmp_path / "log.csv", [b"whole"])
    left.write_bytes(b"")
    atomic_write(tmp_path / "log.csv", [b"whole"])
    assert left.exists()


def test_a_process_that_lives_keeps_its_file(tmp_path: Path) -> None:
    mine = tmp_path / temporary_name()
    mine.write_bytes(b"")
    atomic_write(tmp_path / "log.csv", [b"whole"])
    assert mine.exists()


@pytest.mark.parametrize("age", [0, DAY / 2, 2 * DAY])
@pytest.mark.parametrize("name", [".fittool-99999999-0123abcd-89abcdef.tmp", ".fittool-99999999-0123abcd.tmp"])
def test_a_file_from_elsewhere_is_removed_once_it_is_old(tmp_path: Path, name: str, age: float) -> None:
    """Of another container or machine, whose processes nobody here can see; or of 0.1.0, which did not say where it was."""
    file = tmp_path / name
    file.write_bytes(b"")
    os.utime(file, (file.stat().st_mtime - age,) * 2)
    atomic_write(tmp_path / "log.csv", [b"whole"])
    assert file.exists() == (age < DAY)


def test_other_names_are_nobodys_business(tmp_path: Path) -> None:
    others = [".fittool-x.tmp", ".fittool-1-0123abcd.tmp.txt", "a.tmp", ".fittool-1-0123abcd-.tmp"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    atomic_write(tmp_path / "log.csv", [b"whole"])
    assert names(tmp_path) == sorted([*others, "log.csv"])


def test_a_folder_that_cannot_be_listed_is_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(path: object) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(temporary_names.os, "scandir", refused)
    atomic_write(tmp_path / "log.csv", [b"whole"])
    assert (tmp_path / "log.csv").read_bytes() == b"whole"
