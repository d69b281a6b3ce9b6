from __future__ import annotations

import errno
import os
import resource

import pytest

from fittool.errors import StorageError
from fittool.runs.files.append_only import append_line, drop_torn_line, sync, truncate


def test_lines_are_added_at_the_end(tmp_path):
    append_line(tmp_path / "a", b"1")
    append_line(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"1\n2\n"


def test_a_line_that_does_not_fit_leaves_nothing_torn(tmp_path):
    append_line(tmp_path / "a", b"x" * 900)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError, match="file size limit"):
            append_line(tmp_path / "a", b"y" * 900)  # the first write takes 99 bytes, the second none
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a").read_bytes() == b"x" * 900 + b"\n"


def test_a_symbolic_link_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("target")
    with pytest.raises(StorageError, match="symbolic link"):
        append_line(tmp_path / "a", b"1")
    assert not (tmp_path / "target").exists()


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a")
    reader = os.open(tmp_path / "a", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(StorageError, match="it is not a regular file"):
        append_line(tmp_path / "a", b"1")
    os.close(reader)


def test_sync_gives_the_length(tmp_path):
    append_line(tmp_path / "a", b"123")
    assert sync(tmp_path / "a") == 4


def test_sync_of_a_file_that_was_never_written_is_nothing(tmp_path):
    assert sync(tmp_path / "a") == 0


def test_a_failing_sync_is_an_error(failing_fsync, tmp_path):
    append_line(tmp_path / "a", b"1")
    fired = failing_fsync(errno.EIO, calls=(1,))
    with pytest.raises(StorageError, match="a: cannot be written: the disk reports"):
        sync(tmp_path / "a")
    assert fired == [1]


@pytest.mark.parametrize(("tail", "dropped"), [(b"", 0), (b'{"epoch', 7), (b"\0" * 187, 187)])
def test_what_a_kill_or_power_cut_left_behind_the_last_line_is_dropped(tail, dropped, tmp_path):
    (tmp_path / "a").write_bytes(b"1\n2\n" + tail)
    assert drop_torn_line(tmp_path / "a") == dropped
    assert (tmp_path / "a").read_bytes() == b"1\n2\n"


def test_nothing_is_torn_in_a_file_that_does_not_exist(tmp_path):
    assert drop_torn_line(tmp_path / "a") == 0


def test_truncate_cuts(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    truncate(tmp_path / "a", 2)
    assert (tmp_path / "a").read_bytes() == b"12"
