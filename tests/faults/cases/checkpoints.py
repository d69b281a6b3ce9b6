"""F: checkpoints that are torn, tampered with, or those of something else.

Each is put in the place of a run's last checkpoint. `verify` must refuse it by name, `evaluate` of it too, and going on must
fall back to the one before, aloud, and end with the very weights of the run that nobody disturbed.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import math
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from experiment import hostile_files
from faults.cases.inputs import EXPERIMENT, X, Y
from faults.cases.runner import ANY, Case, Done, here
from runs import test_checkpoint, test_mutated_checkpoints
from safetensors.numpy import save

from fittool.errors import CheckpointError, shown
from fittool.runs.checkpoint import CheckpointFacts, encode_checkpoint, load_checkpoint
from fittool.runs.format import FORMAT

LAST = "run/checkpoints/last.safetensors"
SMALL = {"weights/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "optimizer/iterations": np.array(7)}
Damage = Callable[[bytes], bytes]


def _temporary() -> Path:
    """A folder that lasts as long as this process."""
    folder = tempfile.mkdtemp(prefix="fittool-cases-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def _template(name: str = "small", classes: str = "sparse") -> Path:
    """A run of two epochs beside its data, made once."""
    folder = _temporary()
    np.savez(folder / "data.npz", x=X, y=Y)
    text = EXPERIMENT.replace("SOURCE", "{npz: {path: data.npz}}").replace("MORE", f"  class_mode: {classes}\n")
    (folder / "e.yaml").write_text(text.replace("epochs: 1", "epochs: 2").replace("small", name))
    with contextlib.chdir(folder):
        done = here(["train", "e.yaml", "--run-dir", "run"])
    assert done.code == 0, done.err
    return folder


@functools.cache
def _undisturbed() -> bytes:
    """The last checkpoint's weights after a third epoch, of a run that nobody disturbed."""
    folder = _temporary()
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    with contextlib.chdir(folder):
        done = here(["resume", "run", "--epochs", "3"])
        assert done.code == 0, done.err
        return _weights(Path("run"))


def _weights(run: Path) -> bytes:
    tensors = load_checkpoint(run / "checkpoints" / "last.safetensors").tensors
    return b"".join(tensors[name].tobytes() for name in sorted(tensors) if not name.startswith("metrics/"))


def _damaged(damage: Damage, *command: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        shutil.copytree(_template(), folder, dirs_exist_ok=True)
        path = folder / LAST
        path.write_bytes(damage(path.read_bytes()))
        return command

    return make


def _went_on(done: Done) -> None:
    assert _weights(done.folder / "run") == _undisturbed()


def _refused(row: str, name: str, damage: Damage, says: str) -> Iterator[Case]:
    """By `verify`, `evaluate` and `resume`."""
    says = f"{LAST}: {says}"
    yield Case(row, f"{name} (verify)", _damaged(damage, "verify", "run"), 5, [says], ANY)
    evaluate = _damaged(damage, "evaluate", "run", "--on", "train", "--checkpoint", "last")
    yield Case(row, f"{name} (evaluate)", evaluate, 5, [says])
    resume = _damaged(damage, "resume", "run", "--epochs", "3")
    yield Case(row, f"{name} (resume)", resume, 0, [says, "Going on from previous.safetensors, epoch 1"], check=_went_on)


def _header(length: int | None, text: bytes, tail: bytes = b"") -> Damage:
    return lambda _: struct.pack("<Q", len(text) if length is None else length) + text + tail


def _entries(entries: dict[str, object], body: bytes = b"") -> Damage:
    text = json.dumps({"__metadata__": {"fittool": "{}"}, **entries}).encode()
    return _header(None, text, body)


def _tensor(shape: list[object], begin: object, end: object, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _said(content: bytes) -> tuple[dict[str, object], int]:
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["fittool"]), length


def _facts(**changes: object) -> Damage:
    """Other facts in the same file, with a hash that is right."""

    def damage(content: bytes) -> bytes:
        import io

        from safetensors.numpy import load

        said, _ = _said(content)
        said = {"sha256": "0" * 64, **{key: value for key, value in said.items() if key != "sha256"}, **changes}
        blob = save(load(io.BytesIO(content).read()), {"fittool": json.dumps(said, separators=(",", ":"))})
        return blob.replace(b"0" * 64, hashlib.sha256(blob).hexdigest().encode(), 1)

    return damage


def _changed_tensors(change: Callable[[dict[str, np.ndarray]], None]) -> Damage:
    """Other tensors, with facts and a hash that are right."""

    def damage(content: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a").write_bytes(content)
            checkpoint = load_checkpoint(Path(folder) / "a")
        tensors = {name: array.copy() for name, array in checkpoint.tensors.items()}
        change(tensors)
        return b"".join(bytes(chunk) for chunk in encode_checkpoint(tensors, checkpoint.facts))

    return damage


def _torn() -> Iterator[Case]:
    for percent in (1, 10, 50, 90, 99):
        yield from _refused(
            "F01", f"cut to {percent} %", lambda content, p=percent: content[: len(content) * p // 100], "is cut off"
        )
    yield from _refused("F01", "without its last byte", lambda content: content[:-1], "is cut off")
    yield from _refused("F02", "its last byte changed", lambda content: content[:-1] + bytes([content[-1] ^ 1]), "is damaged")
    yield from _refused("F03", "no bytes", lambda content: b"", "is empty: did the machine lose power while it was saved?")
    yield from _refused("F03", "60,000 zeros", lambda content: bytes(60_000), "")
    yield from _refused("F07", "a byte more", lambda content: content + b"\0", "has something behind its end")
    yield from _refused(
        "F07", "an archive behind it", lambda content: content + b"PK\x05\x06" + bytes(18), "has something behind its end"
    )
    yield from _refused("F07", "a pickle behind it", lambda content: content + b"\x80\x04N.", "has something behind its end")


def _headers() -> Iterator[Case]:
    lengths = {"2**63": 2**63, "2**64 - 1": 2**64 - 1, "17 MiB": 17 << 20, "0": 0, "1": 1}
    for name, length in lengths.items():
        yield from _refused("F04", f"a header of {name}", _header(length, b"{}" + bytes(50)), "is")
    texts = {
        "no JSON": b"{nothing}", "a list": b"[1, 2]", "no UTF-8": b'{"a\xff": 1}', "a key twice": b'{"a": 1, "a": 2}',
        "NaN": b'{"a": NaN}', "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "a large number": b'{"a": ' + b"9" * 5000 + b"}",
        "half a surrogate": b'{"\\ud800": 1}', "empty": b"{}", "a blank first": b" {}", "null": b"null",
    }  # fmt: skip
    for name, text in texts.items():
        yield from _refused("F04", f"a header: {name}", _header(None, text), "")
    bodies: dict[str, tuple[dict[str, object], bytes]] = {
        "a negative offset": ({"weights/a": _tensor([1], -4, 0)}, bytes(4)),
        "overlapping tensors": ({"weights/a": _tensor([2], 0, 8), "weights/b": _tensor([1], 4, 8)}, bytes(8)),
        "a hole": ({"weights/a": _tensor([1], 0, 4), "weights/b": _tensor([1], 8, 12)}, bytes(12)),
        "a tensor past the end": ({"weights/a": _tensor([1000], 0, 4000)}, bytes(4)),
        "another length than its shape": ({"weights/a": _tensor([3], 0, 4)}, bytes(4)),
        "a shape that overflows": ({"weights/a": _tensor([2**32, 2**32, 2**32], 0, 4)}, bytes(4)),
        "a negative axis": ({"weights/a": _tensor([-1], 0, 4)}, bytes(4)),
        "a fraction": ({"weights/a": _tensor([1.5], 0, 6)}, bytes(6)),
        "an axis that is true": ({"weights/a": _tensor([True], 0, 4)}, bytes(4)),
        "1,000 axes": ({"weights/a": _tensor([1] * 1000, 0, 4)}, bytes(4)),
        "no offsets": ({"weights/a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
        "more than is known": ({"weights/a": {**_tensor([1], 0, 4), "code": "x"}}, bytes(4)),
        "text for a tensor": ({"weights/a": "x"}, b""),
        "an empty tensor at an offset": ({"weights/a": _tensor([0], 4, 4), "weights/b": _tensor([1], 0, 4)}, bytes(4)),
        "too many tensors": ({f"weights/{n}": _tensor([0], 0, 0) for n in range(100_001)}, b""),
    }
    for name, (entries, body) in bodies.items():
        for case in _refused("F05", name, _entries(entries, body), ""):
            yield replace(case, long=name == "too many tensors")
    for dtype in ("F128", "F4", "F8_E4M3", "O", "", "f4"):
        yield from _refused(
            "F06", f"dtype {dtype!r}", _entries({"weights/a": _tensor([1], 0, 4, dtype)}, bytes(4)), "has the tensor"
        )
    for name in ("../../x", "/etc/x", "weights/" + "x" * 1_000_000, "weights/\x1b[31m", "seed", ""):
        damage = _entries({name: _tensor([1], 0, 4)}, bytes(4))
        yield from _refused("F13", f"tensor {name[:20]!a}", damage, "")
    outside = _changed_header("../../x")
    yield from _refused("F13", "a foreign tensor under a right hash", outside, "is not a checkpoint: it holds the tensor ../../x")


def _changed_header(name: str) -> Damage:
    def damage(content: bytes) -> bytes:
        return test_checkpoint.with_facts(SMALL, lambda said: said, extra={name: np.zeros(1)})

    return damage


def _foreign() -> Iterator[Case]:
    for name, content in hostile_files.archives(Path()).items():
        kind = "" if name.startswith(("npz that", "safetensors", "script", "python", "svg", "postscript")) else "is "
        yield Case("F08", name, _damaged(lambda _, content=content: content, "verify", "run"), 5, [f"{LAST}: {kind}"], ANY)
    for name, content in hostile_files.pickles(Path()).items():
        yield Case("F09", name, _damaged(lambda _, content=content: content, "verify", "run"), 5, [f"{LAST}: "], ANY)
    for name in ("torch archive", "keras archive with a Lambda", "hdf5 file", "npz of objects"):
        content = hostile_files.archives(Path())[name]
        yield from _refused("F08", f"{name}, said to be one", lambda _, content=content: content, "is a")


def _of_something_else() -> Iterator[Case]:
    def without_bias(tensors: dict[str, np.ndarray]) -> None:
        del tensors["weights/dense/bias"]

    def with_more(tensors: dict[str, np.ndarray]) -> None:
        tensors["weights/other/bias"] = np.zeros(3, np.float32)

    def reshaped(tensors: dict[str, np.ndarray]) -> None:
        tensors["weights/dense/kernel"] = np.zeros((4, 2), np.float32)

    def not_finite(tensors: dict[str, np.ndarray]) -> None:
        tensors["weights/dense/kernel"][1, 1] = math.nan

    changes = {"a missing tensor": without_bias, "one too many": with_more, "another shape": reshaped}
    for name, change in changes.items():
        damage = _changed_tensors(change)
        evaluate = _damaged(damage, "evaluate", "run", "--on", "train", "--checkpoint", "last")
        yield Case("F10", f"{name} (evaluate)", evaluate, 5, ["last.safetensors: does not fit the network", "weights/"])
        yield Case(
            "F10",
            f"{name} (resume)",
            _damaged(damage, "resume", "run", "--epochs", "3"),
            5,
            ["last.safetensors: does not", "weights/"],
        )
    damage = _changed_tensors(not_finite)
    yield Case(
        "F15",
        "a weight that is NaN (resume)",
        _damaged(damage, "resume", "run", "--epochs", "3"),
        5,
        ["last.safetensors: ", "finite"],
    )
    evaluate = _damaged(damage, "evaluate", "run", "--on", "train", "--checkpoint", "last")
    yield Case("F15", "a weight that is NaN (evaluate)", evaluate, 0, ["warning: ", "last.safetensors", "finite"])
    other = _facts(class_names=["1", "0"])
    yield Case(
        "F11", "classes in another order", _damaged(other, "resume", "run", "--epochs", "3"), 5, ["another list of classes"]
    )
    yield Case(
        "F12",
        "a newer format",
        _damaged(_facts(format=FORMAT + 1, version="3.1"), "verify", "run"),
        5,
        [f"was written by fittool 3.1 in format {FORMAT + 1}", "upgrade"],
        ANY,
    )
    more = _facts(module="evil:run", url="http://127.0.0.1/", plugin="evil", file="/dev/zero")
    yield Case("F14", "facts that ask for code", _damaged(more, "verify", "run"))
    yield from _refused("F16", "that of another run", _facts(run="20200101-000000-abcd"), "belongs to another run")
    yield Case("F16", "a whole folder of another run", _swapped, 5, ["belongs to another run"], ANY)


def _swapped(folder: Path) -> Sequence[object]:
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "run/checkpoints")
    shutil.copytree(_template("other") / "run/checkpoints", folder / "run/checkpoints")
    return ("verify", "run")


def _best_is_gone(folder: Path) -> Sequence[object]:
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    (folder / "run/checkpoints/best.safetensors").write_bytes(b"x")
    return ("evaluate", "run", "--on", "train")


def _history_cut(folder: Path) -> Sequence[object]:
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    rows = (folder / "run/metrics.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "run/metrics.jsonl").write_bytes(rows[0])
    return ("verify", "run")


def _all_gone(folder: Path) -> Sequence[object]:
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    for path in (folder / "run/checkpoints").iterdir():
        path.write_bytes(b"")
    return ("resume", "run", "--epochs", "3")


def _large(folder: Path) -> None:
    """64 MiB are read within 2.1 times their size: safetensors parses the bytes that were hashed, and hands out copies."""
    import tracemalloc

    path = folder / "a.safetensors"
    tensors = {"weights/a": np.zeros(1 << 24, np.float32)}
    with path.open("wb") as file:
        file.writelines(bytes(chunk) for chunk in encode_checkpoint(tensors, CheckpointFacts()))
    del tensors
    tracemalloc.start()
    try:
        checkpoint = load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert checkpoint.tensors["weights/a"].nbytes == 64 << 20
    assert peak < 2.1 * (64 << 20), peak


def _changes_while_read(folder: Path) -> None:
    """What was read and hashed is what is used: writing into the file behind the reader changes nothing."""
    path = folder / "a.safetensors"
    path.write_bytes(b"".join(bytes(chunk) for chunk in encode_checkpoint(SMALL, CheckpointFacts())))
    checkpoint = load_checkpoint(path)
    with path.open("r+b") as file:
        file.seek(-24, 2)
        file.write(b"\xff" * 24)
    np.testing.assert_array_equal(checkpoint.tensors["weights/dense/kernel"], SMALL["weights/dense/kernel"])
    told = ""
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        told = str(error)
    assert told.startswith(f"{shown(path)}: ")


CASES = [
    *_torn(),
    Case("F01", "cut at every byte", probe=lambda folder: test_checkpoint.test_every_truncation_is_found(SMALL, folder)),
    Case(
        "F02",
        "every byte flipped four ways",
        probe=lambda folder: test_checkpoint.test_every_flipped_byte_is_found(SMALL, folder),
    ),
    *_headers(),
    Case("F05", "edited at random", probe=test_mutated_checkpoints.test_edited_checkpoints),
    Case("F04", "any header", probe=test_mutated_checkpoints.test_any_header),
    *_foreign(),
    *_of_something_else(),
    Case("F17", "it changes behind the reader", probe=_changes_while_read),
    Case(
        "F18",
        "other tools read its tensors",
        probe=lambda folder: test_checkpoint.test_other_tools_read_the_tensors(SMALL, folder),
    ),
    Case("F19", "the best one is damaged", _best_is_gone, 5, ["best.safetensors: is not a safetensors file"]),
    Case("F19", "history lacks a row", _history_cut, 5, ["metrics.jsonl: "], ANY),
    Case("F19", "all are empty", _all_gone, 5, ["safetensors: is empty"], ANY),
    Case("F20", "64 MiB", probe=_large),
]
