from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from fittool.errors import CheckpointError, MachineError, StorageError, visible
from fittool.runs.files.storage_errors import read_whole, storage_error, storing


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_a_full_disk_names_the_path_and_needed_and_free_bytes(tmp_path):
    text = str(storage_error(os_error(errno.ENOSPC), tmp_path / "a", needed=1234567))
    free = os.statvfs(tmp_path)
    assert text.startswith(f"{tmp_path / 'a'}: cannot be written: the disk is full, 1,234,567 bytes are needed, ")
    assert free.f_bavail > 0


def test_a_full_disk_that_cannot_be_asked_is_still_named(tmp_path):
    assert "the disk is full. Free some space" in str(storage_error(os_error(errno.ENOSPC), tmp_path / "gone" / "a"))


def test_missing_inodes_are_not_called_a_full_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_files=16, f_favail=0))
    assert "no inodes left" in str(storage_error(os_error(errno.ENOSPC), tmp_path / "a"))


def test_too_many_open_files_are_the_machines_fault(tmp_path):
    assert isinstance(storage_error(os_error(errno.EMFILE), tmp_path / "a"), MachineError)


@pytest.mark.parametrize(
    ("number", "text"), [(errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.EXDEV, "ross-device")]
)
def test_each_cause_is_told(number, text, tmp_path):
    assert text in str(storage_error(os_error(number), tmp_path / "a"))


def test_an_error_without_a_number_is_told_by_its_text(tmp_path):
    assert "something odd" in str(storage_error(OSError("something odd"), tmp_path / "a"))


def test_storing_lets_other_errors_through(tmp_path):
    with pytest.raises(KeyError, match="x"), storing(tmp_path):
        raise KeyError("x")


def test_storing_keeps_the_first_error_as_the_cause(tmp_path):
    with pytest.raises(StorageError, match="input/output") as caught, storing(tmp_path):
        raise os_error(errno.EIO)
    assert isinstance(caught.value.__cause__, OSError)


def test_control_characters_are_made_visible():
    assert visible("a\x1b[31m\n\u202eé\udcff") == r"a\x1b[31m\n\u202eé\udcff"


def test_a_file_that_cannot_be_read_is_refused_with_its_cause(tmp_path):
    with pytest.raises(CheckpointError, match="a: cannot be read: No such file"):
        read_whole(Path(tmp_path / "a"))
