from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest

from fittool.runs.files.safetensors_file import foreign_kind


def archive(member: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        content.writestr(member, "x")
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (pickle.dumps([1], protocol=2), "pickle"),
        (pickle.dumps([1], protocol=5), "pickle"),
        (b"\x89HDF\r\n\x1a\n" + bytes(8), "HDF5"),
        (npz(), "npz"),
        (archive("model/data.pkl"), "PyTorch"),
        (archive("metadata.json"), "Keras"),
        (archive("readme.txt"), "a zip archive"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x93NUMPY\x01\x00", "npy"),
    ],
)
def test_other_programs_files_are_recognised(head, kind):
    assert kind in foreign_kind(head)


@pytest.mark.parametrize("head", [b"", b"\x80", b"\x80\x09", b"name: digits"])
def test_what_is_not_recognised_has_no_name(head):
    assert foreign_kind(head) == ""
