"""Recognises model files of other programs by their first bytes, without opening them any further. They may hold code."""

from __future__ import annotations

import struct

_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras's .h5"),
    (b"\x93NUMPY", "a NumPy .npy array"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"GGUF", "a GGUF model"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_ZIP = b"PK\x03\x04"
_PICKLE_PROTOCOLS = (2, 3, 4, 5)
_FEWEST_BYTES = 2


def foreign_kind(head: bytes) -> str:
    """Name the kind of a file that is no safetensors file.

    Args:
        head: The first bytes of the file; 300 are enough.

    Returns:
        A noun phrase such as "a pickle", or "" where nothing is recognised.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(_ZIP):
        return _zip_kind(head)
    if len(head) >= _FEWEST_BYTES and head[0] == 0x80 and head[1] in _PICKLE_PROTOCOLS:  # PROTO, the first opcode
        return "a pickle, as PyTorch's old .pt files and joblib's"
    return ""


def _zip_kind(head: bytes) -> str:
    """By the name of the first member, which stands behind the 30 bytes of its local header (PKWARE's APPNOTE, 4.3.7)."""
    if len(head) < 30:
        return "a zip archive"
    (length,) = struct.unpack_from("<H", head, 26)
    member = head[30 : 30 + length]
    if member.endswith(b".npy"):
        return "a NumPy .npz archive"
    if member.endswith((b"data.pkl", b".format_version", b".storage_alignment")):
        return "a PyTorch .pt archive (zip with a pickle)"
    if member in (b"metadata.json", b"config.json", b"model.weights.h5"):
        return "a Keras .keras archive"
    return "a zip archive"
