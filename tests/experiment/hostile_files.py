"""Files that would run code in a careless reader, by name. Each, if it ran, would make the file MARKER in its folder."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MARKER = "marker"


class _Calls:
    """Pickles as a call: whoever loads the pickle makes it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def _named(module: str, name: str, *arguments: str) -> bytes:
    """A pickle of protocol 0 that calls any function by name, without importing it here."""
    stack = "".join(f"V{argument}\n" for argument in arguments)
    return f"c{module}\n{name}\n({stack}tR.".encode()


def _zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _safetensors(header: object, tail: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + tail


def pickles(folder: Path) -> dict[str, bytes]:
    """Python objects that make the marker when they are loaded."""
    touch, code = f"touch {folder / MARKER}", f"open({str(folder / MARKER)!r}, 'w').close()"
    found = {f"pickle of protocol {number}": pickle.dumps(_Calls(eval, code), number) for number in range(6)}
    calls = {
        "os.system": ("os", "system", touch),
        "posix.system": ("posix", "system", touch),
        "eval": ("builtins", "eval", code),
        "exec": ("builtins", "exec", code),
        "subprocess.getoutput": ("subprocess", "getoutput", touch),
        "os.popen": ("os", "popen", touch),
        "timeit.timeit": ("timeit", "timeit", code),
        "code.interact": ("cProfile", "run", code),
        "pdb.run": ("bdb", "Bdb", code),
        "runpy.run_path": ("runpy", "run_path", str(folder / "evil.py")),
        "importlib": ("importlib", "import_module", "evil"),
        "numpy.load": ("numpy", "load", str(folder / "evil.npy")),
        "torch.load": ("torch", "load", str(folder / "evil.pt")),
    }
    found |= {f"pickle that calls {name}": _named(*call) for name, call in calls.items()}
    found["pickle behind zeros"] = b"\0" * 64 + found["pickle of protocol 4"]
    return found


def archives(folder: Path) -> dict[str, bytes]:
    """The formats of other tools, with a pickle or a program inside."""
    evil, text = (
        pickle.dumps(_Calls(eval, f"open({str(folder / MARKER)!r}, 'w').close()"), 2),
        "lambda x: __import__('os').system('touch marker')",
    )
    layer = {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": text}}}}
    config = json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}).encode()
    objects = np.array([_Calls(eval, f"open({str(folder / MARKER)!r}, 'w').close()")], object)
    return {
        "torch archive": _zipped({"archive/data.pkl": evil, "archive/version": b"3\n"}),
        "compressed torch archive": _zipped({"archive/data.pkl": evil}, zipfile.ZIP_DEFLATED),
        "old torch file": pickle.dumps(119547037146038801333356, 2) + pickle.dumps(1001, 2) + evil,
        "joblib file": zlib.compress(evil),
        "gzipped pickle": gzip.compress(evil, mtime=0),
        "keras archive with a Lambda": _zipped({"config.json": config, "metadata.json": b"{}", "model.weights.h5": b""}),
        "hdf5 file": b"\x89HDF\r\n\x1a\n" + config + evil,
        "npy of objects": _npy(objects),
        "npy of objects, version 2": _npy(objects).replace(b"NUMPY\x01\x00", b"NUMPY\x02\x00", 1),
        "npz of objects": _zipped({"x.npy": _npy(objects), "y.npy": _npy(np.zeros(1))}),
        "compressed npz of objects": _zipped({"x.npy": _npy(objects), "y.npy": _npy(objects)}, zipfile.ZIP_DEFLATED),
        "npz with a bare pickle": _zipped({"x": evil, "y": evil, "x.pkl": evil}),
        "npz that leaves its folder": _zipped({f"../{MARKER}": b"", "x.npy": _npy(np.zeros((1, 2))), "y.npy": _npy(np.zeros(1))}),
        "safetensors and a pickle": _safetensors({}, evil),
        "safetensors with code": _safetensors({"__metadata__": {"code": text, "fittool": json.dumps({"loop": "evil:run"})}}),
        "safetensors that names a file": _safetensors(
            {f"../{MARKER}": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"\0"
        ),
        "safetensors and an archive": _safetensors({}, _zipped({"archive/data.pkl": evil})),
        "script with a shebang": f"#!/bin/sh\ntouch {folder / MARKER}\n".encode(),
        "python module": f"open({str(folder / MARKER)!r}, 'w').close()\n".encode(),
        "postscript": f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n({folder / MARKER}) (w) file closefile\n".encode(),
        "svg": f"<svg xmlns='http://www.w3.org/2000/svg'><image href='file://{folder / MARKER}'/></svg>".encode(),
    }


def streams(folder: Path) -> dict[str, bytes]:
    """Formats that are read piece by piece, with code where a number or a picture belongs."""
    touch = f"touch {folder / MARKER}"
    evil = pickle.dumps(_Calls(eval, f"open({str(folder / MARKER)!r}, 'w').close()"), 2)
    call = f"__import__('os').system({touch!r})"
    return {
        "npy whose header calls": _npy_headed(f"{{'descr': {call}, 'fortran_order': False, 'shape': (1,)}}"),
        "npy whose shape calls": _npy_headed(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({call},)}}"),
        "npy whose header is a comprehension": _npy_headed(f"[{call} for _ in (1,)]"),
        "tar with pickles for pictures": _tarred({"0.png": evil, "0.cls": b"0", "1.pkl": evil}),
        "tar with a pickle for a label": _tarred({"0.png": b"", "0.cls": evil}),
        "tar that leaves its folder": _tarred({f"../../{MARKER}": b"1", f"/{MARKER}": b"1"}),
        "tar of links": _tarred({"0.png": b"", "0.cls": b"0"}, tarfile.SYMTYPE, f"../{MARKER}"),
        "notebook": json.dumps({"cells": [{"cell_type": "code", "source": [call]}], "nbformat": 4}).encode(),
    }


def _npy_headed(header: str) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)


def _tarred(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, target
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def experiments(folder: Path) -> dict[str, bytes]:
    """Experiment files that would run code in a YAML reader that makes Python objects."""
    touch = f"touch {folder / MARKER}"
    values = {
        "os.system": f'!!python/object/apply:os.system ["{touch}"]',
        "new object": f'!!python/object/new:os.system ["{touch}"]',
        "name": "!!python/name:os.system",
        "module": "!!python/module:evil",
        "object": "!!python/object:evil.Class {}",
        "eval": f"!!python/object/apply:eval [\"open('{folder / MARKER}', 'w')\"]",
        "subprocess": f'!!python/object/apply:subprocess.Popen [["touch", "{folder / MARKER}"]]',
        "tuple": "!!python/tuple [1, 2]",
        "long tag": f'!<tag:yaml.org,2002:python/object/apply:os.system> ["{touch}"]',
        "include": f"!include {folder / 'evil.yaml'}",
        "environment": "!ENV ${PATH}",
        "shell": f"$({touch})",
        "backquotes": f'"`{touch}`"',
        "format string": '"{0.__class__.__init__.__globals__}"',
        "template": "\"{{ ''.__class__.__mro__ }}\"",
    }
    return {f"experiment with {name}": f"name: {value}\nextends: {value}\n".encode() for name, value in values.items()}
