from __future__ import annotations

import errno
import os
import resource
import socket
import stat

import pytest

from fittool.errors import StorageError
from fittool.runs.files import atomic
from fittool.runs.files.atomic import atomic_write, make_folder, open_descriptor, remove_temporary_files


def names(folder):
    return sorted(os.listdir(folder))


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    for content in (b"old", b"new"):
        assert atomic_write(tmp_path / "a", [content, b"-", bytearray(b"x")]) is None
    assert (tmp_path / "a").read_bytes() == b"new-x"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o000, 0o666)])
def test_the_mode_follows_the_umask(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        atomic_write(tmp_path / "a", [b"x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_name_of_255_bytes_works(tmp_path):
    atomic_write(tmp_path / ("a" * 255), [b"x"])
    assert names(tmp_path) == ["a" * 255]


def test_a_symbolic_link_is_refused_and_its_target_untouched(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "a").symlink_to("target")
    with pytest.raises(StorageError, match="a: cannot be written: it is a symbolic link"):
        atomic_write(tmp_path / "a", [b"new"])
    assert ((tmp_path / "target").read_text(), names(tmp_path)) == ("old", ["a", "target"])


def test_a_directory_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(StorageError, match="it is a directory"):
        atomic_write(tmp_path / "a", [b"new"])


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: socket.socket(socket.AF_UNIX).bind(path)], ids=["pipe", "socket"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_special_file_is_refused(make, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    make("a")
    with pytest.raises(StorageError, match="it is not a regular file"):
        atomic_write(tmp_path / "a", [b"new"])


def test_a_missing_directory_is_not_made_again(tmp_path):
    with pytest.raises(StorageError, match="its directory is not there"):
        atomic_write(tmp_path / "gone" / "a", [b"x"])
    assert names(tmp_path) == []


def test_a_file_size_limit_keeps_the_old_file_and_names_the_limit(tmp_path):
    atomic_write(tmp_path / "a", [b"old"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError, match="file size limit of this process, 1,000 bytes"):
            atomic_write(tmp_path / "a", [b"new" * 1000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"old", ["a"])


def test_a_full_disk_at_fsync_keeps_the_old_file(failing_fsync, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    fired = failing_fsync(errno.ENOSPC)
    with pytest.raises(StorageError, match="the disk is full, 3 bytes are needed"):
        atomic_write(tmp_path / "a", [b"new"])
    assert ((tmp_path / "a").read_bytes(), names(tmp_path), fired) == (b"old", ["a"], [1])


def test_an_input_output_error_is_answered_by_one_new_file(failing_fsync, tmp_path):
    fired = failing_fsync(errno.EIO, calls=(1,))
    assert atomic_write(tmp_path / "a", [b"new"]) is None
    assert ((tmp_path / "a").read_bytes(), names(tmp_path), fired) == (b"new", ["a"], [1])


def test_a_second_input_output_error_gives_up(failing_fsync, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    fired = failing_fsync(errno.EIO)
    with pytest.raises(StorageError, match="input/output error"):
        atomic_write(tmp_path / "a", [b"new"])
    assert ((tmp_path / "a").read_bytes(), names(tmp_path), fired) == (b"old", ["a"], [1, 2])


def test_a_directory_that_cannot_be_synchronised_is_a_warning(failing_fsync, tmp_path):
    fired = failing_fsync(errno.EIO, calls=(2,))
    warning = atomic_write(tmp_path / "a", [b"new"])
    assert warning == f"{tmp_path}: saved, but not certain to survive a power cut: Input/output error."
    assert ((tmp_path / "a").read_bytes(), fired) == (b"new", [2])


def test_a_failing_rename_leaves_no_temporary_file(monkeypatch, tmp_path):
    def rename(*arguments, **keywords):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(StorageError, match="the disk is full"):
        atomic_write(tmp_path / "a", [b"new"])
    assert names(tmp_path) == []


def test_no_file_takes_the_place_of_a_closed_standard_stream(child, tmp_path):
    code = """
import os, sys
from fittool.runs.files import atomic
from fittool.runs.files.atomic import open_descriptor
os.close(0)
print(open_descriptor(sys.argv[1], os.O_RDWR | os.O_CREAT))
"""
    process = child(code, tmp_path / "a")
    assert int(process.communicate()[0]) >= 3


def test_a_low_descriptor_is_moved_up_and_closed_on_exec_too(monkeypatch, tmp_path):
    monkeypatch.setattr(atomic, "_FIRST_ORDINARY_DESCRIPTOR", 500)
    before = names("/dev/fd")
    descriptor = open_descriptor(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    assert descriptor >= 500
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    assert names("/dev/fd") == before


def test_an_ordinary_descriptor_is_closed_on_exec(tmp_path):
    descriptor = open_descriptor(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_folder_is_made_with_its_parents_and_twice_without_harm(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(StorageError, match="b: cannot be written: a part of the path is a file"):
        make_folder(tmp_path / "a" / "b")


def test_only_own_temporary_files_are_removed(tmp_path):
    for name in (".fittool-12-0123abcd.tmp", ".fittool-x.tmp", "a.tmp"):
        (tmp_path / name).write_text("")
    remove_temporary_files(tmp_path)
    assert names(tmp_path) == [".fittool-x.tmp", "a.tmp"]
