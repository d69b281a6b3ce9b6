"""A: `.npy` and `.npz` files, and labels in them."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from data.formats import test_mutated_arrays
from experiment import hostile_files
from faults.cases.inputs import CHECK, X, Y, experiment, npy, with_npy, with_npz
from faults.cases.runner import Case, Done

from fittool.data.sources import NpySource, SourceContext

OBJECTS = "holds Python objects, which are never loaded, as they can run code. Save arrays of numbers, with allow_pickle=False."
HERE = Path(".")


def _opened(done: Done) -> None:
    assert "8 samples to train on" in done.out, done.out + done.err


def _header(text: str, version: bytes = b"\1\0", behind: bytes = bytes(96)) -> bytes:
    content = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(content)) + content + behind


def _described(shape: str, dtype: str = "'<f4'") -> bytes:
    return _header(f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}")


def _objects() -> Iterator[Case]:
    objects = hostile_files.archives(HERE)["npy of objects"]
    yield Case("A01", "npy of objects", with_npy(lambda: objects), 4, ["x.npy " + OBJECTS])
    for name, content in hostile_files.pickles(HERE).items():
        yield Case(
            "A01", f"{name}, called npy", with_npy(lambda content=content: content), 4, ["x.npy is no readable NumPy file: "]
        )
    for name in ("npz of objects", "compressed npz of objects"):
        content = hostile_files.archives(HERE)[name]
        make = with_npz(lambda path, content=content: path.write_bytes(content))
        yield Case("A01", name, make, 4, [f"data.npz: x {OBJECTS}"])
    bare = hostile_files.archives(HERE)["npz with a bare pickle"]
    yield Case("A01", "npz with a bare pickle", with_npz(lambda path: path.write_bytes(bare)), 4, ["data.npz"])
    renamed = pickle.dumps({"x": X, "y": Y})
    yield Case("A01", "pickle called npz", with_npz(lambda path: path.write_bytes(renamed)), 4, ["data.npz is no readable NumPy"])
    fields = _described("(8,)", "[('a', '|O')]")
    yield Case("A01", "structure with an object", with_npy(lambda: fields), 4, ["x.npy " + OBJECTS])


def _headers() -> Iterator[Case]:
    for shape in ("(1000000000000,)", "(2, 1000000000000, 3)", "(4294967296, 4294967296, 4294967296)", "(8, 4)"):
        says = "x.npy is cut short or damaged: its header promises"
        yield Case("A02", f"shape {shape}", with_npy(partial(_described, shape)), 4, [says])
    for shape in ("(-1,)", "(-8, -3)", "(2**70,)", "((8, 3),)", "'abc'", "(8.0, 3)", "None", "(True, 3)", "(" * 300 + ")" * 300):
        yield Case("A02", f"shape {shape[:20]}", with_npy(partial(_described, shape)), 4, ["x.npy "])
    for dtype in ("'<f99'", "'nothing'", "3", "['a', 'b']", "'|V999999999999'", "'<f4'.__class__", "'(1000000,1000000)f4'"):
        yield Case("A02", f"type {dtype}", with_npy(partial(_described, "(8, 3)", dtype)), 4, ["x.npy "])
    yield Case(
        "A02", "a header that calls", with_npy(lambda: _header("__import__('os').system('touch marker')")), 4, ["x.npy is"]
    )
    yield Case("A02", "a nested header", with_npy(lambda: _header("[" * 110)), 4, ["x.npy is no readable NumPy file"])
    many = b"\x93NUMPY\2\0" + struct.pack("<I", 2**31) + bytes(100)
    yield Case("A02", "a header of 2 GB", with_npy(lambda: many), 4, ["x.npy is no readable NumPy file"])


def _damaged() -> Iterator[Case]:
    whole = npy(X)
    for length in (0, 1, 5, 6, 7, 8, 9, 10, 11, 60, 127):
        yield Case(
            "A03", f"{length} bytes of it", with_npy(lambda length=length: whole[:length]), 4, ["x.npy is no readable NumPy file"]
        )
    for length in (128, 129, 160, len(whole) - 1):
        says = f"x.npy is cut short or damaged: its header promises 96 bytes for shape (8, 3), but {length - 128} follow."
        yield Case("A03", f"{length} bytes of it", with_npy(lambda length=length: whole[:length]), 4, [says])
    yield Case("A03", "something behind the end", with_npy(lambda: whole + b"\0"), 4, ["but 97 follow."])
    yield Case("A03", "another file behind the end", with_npy(lambda: whole + whole), 4, ["x.npy is cut short or damaged"])
    yield Case(
        "A03", "version 9", with_npy(lambda: whole.replace(b"\x01\x00", b"\x09\x00", 1)), 4, ["x.npy has version 9.0 of NumPy's"]
    )
    yield Case("A03", "garbage", with_npy(lambda: np.random.default_rng(0).bytes(999)), 4, ["x.npy is no readable NumPy file"])
    yield Case("A03", "an npz called npy", with_npy(_npz_bytes), 4, ["x.npy is no readable NumPy file"])
    for length in (0, 1, 100, 300):
        make = with_npz(lambda path, length=length: path.write_bytes(_npz_bytes()[:length]))
        yield Case("A03", f"{length} bytes of an npz", make, 4, ["data.npz is no readable NumPy file"])
    yield Case(
        "A03", "an npy called npz", with_npz(lambda path: path.write_bytes(whole)), 4, ["data.npz is no readable NumPy file"]
    )
    yield Case("A03", "edited at random", probe=test_mutated_arrays.test_damaged_npy_files)
    yield Case("A03", "npz edited at random", probe=lambda folder: test_mutated_arrays.test_damaged_npz_files(folder, np.savez))
    yield Case("A03", "any bytes", probe=test_mutated_arrays.test_any_bytes)


def _npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=X, y=Y)
    return buffer.getvalue()


def _zip(members: Sequence[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import warnings

        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
            warnings.simplefilter("ignore")  # of names that stand there twice
            for name, content in members:
                archive.writestr(name, content)

    return write


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("x.npy", "w") as stream:
        stream.write(_described("(400000000,)", "'|u1'")[:128])
        for _ in range(40):
            stream.write(bytes(10_000_000))


def _overlapping(path: Path) -> None:
    """Two entries of the directory that share the same bytes."""
    _zip([("x.npy", npy(X)), ("y.npy", npy(Y))])(path)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    struct.pack_into("<I", content, entry + 42, 0)
    path.write_bytes(content)


def _encrypted(path: Path) -> None:
    _zip([("x.npy", npy(X)), ("y.npy", npy(Y))])(path)
    content = path.read_bytes()
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        pieces = content.split(mark)
        content = mark.join([pieces[0], *(bytes([*p[: at - 4], p[at - 4] | 1, *p[at - 3 :]]) for p in pieces[1:])])
    path.write_bytes(content)


def _lying(path: Path) -> None:
    """The directory says that a member is larger than it is."""
    _zip([("x.npy", npy(X)), ("y.npy", npy(Y))])(path)
    content = path.read_bytes()
    size = struct.pack("<II", len(npy(X)), len(npy(X)))
    path.write_bytes(content.replace(size, struct.pack("<II", len(npy(X)), 2**31)))


def _archives() -> Iterator[Case]:
    good = [("x.npy", npy(X)), ("y.npy", npy(Y))]
    yield Case("A04", "400 MB of zeros", with_npz(_bomb), 4, ["data.npz: x would grow", "which looks like a trap"])
    yield Case("A04", "members that overlap", with_npz(_overlapping), 4, ["data.npz"])
    yield Case("A04", "encrypted", with_npz(_encrypted), 4, ["data.npz: x is no readable NumPy file", "encrypted"])
    yield Case("A04", "a size that is not true", with_npz(_lying), 4, ["data.npz: x"])
    yield Case(
        "A04", "a name twice", with_npz(_zip([*good, *good])), 4, ["data.npz: The file holds several arrays of the same name."]
    )
    yield Case("A04", "a name with and without .npy", with_npz(_zip([*good, ("x", b"")])), 4, ["several arrays of the same name"])
    yield Case(
        "A04", "a name that leaves the folder", with_npz(_zip([*good, ("../marker", b""), ("/tmp/marker", b"")])), check=_opened
    )
    many = [*good, *((f"{number}.npy", b"") for number in range(20_000))]
    yield Case("A04", "20,000 members", with_npz(_zip(many)), 4, ["data.npz: The file holds more than 10,000 arrays."])
    yield Case("A04", "a folder", with_npz(Path.mkdir), 4, ["data.npz: This is a folder; a file was expected."])
    odd = with_npz(_zip([("x\x1b[31m.npy", npy(X))]))
    yield Case("A04", "names of control characters", odd, 4, ["There is no array x."])


def _types() -> Iterator[Case]:
    for dtype in ("f2", "f4", "f8", ">f4", ">f8", "i1", "u2", ">i4", "i8", "?", "g"):
        yield Case("A05", f"{dtype} is converted", with_npy(lambda dtype=dtype: npy((X % 2).astype(dtype))), check=_opened)
        yield Case("A05", f"{dtype} gives the same numbers", probe=partial(_same_numbers, dtype))
    for dtype, says in {"c8": "complex numbers", "U5": "text", "S5": "bytes", "M8[s]": "dates", "m8[s]": "time spans"}.items():
        array = np.zeros((8, 3), dtype)
        yield Case("A05", dtype, with_npy(lambda array=array: npy(array)), 4, [f"x.npy holds {says}; numbers were expected."])
    array = np.zeros((8, 3), [("a", "f4")])
    yield Case("A05", "a structure", with_npy(lambda: npy(array)), 4, ["x.npy holds structures"])
    void = np.zeros((8, 3), "V4")
    yield Case("A05", "void", with_npy(lambda: npy(void)), 4, ["x.npy holds structures"])
    yield Case("A05", "a boolean that is 7", with_npy(lambda: npy(np.full((8, 3), 7, np.uint8).view("?"))), check=_opened)
    large = np.full((8, 3), 1e300)
    yield Case(
        "A05",
        "too large for float32",
        with_npy(lambda: npy(large)),
        4,
        [f"x.npy[{row}, 0] is 1e+300, which is too large" for row in range(8)],
        lines=8,
    )


def _same_numbers(dtype: str, folder: Path) -> None:
    (folder / "x.npy").write_bytes(npy((X % 2).astype(dtype)))
    dataset = NpySource(x=str(folder / "x.npy")).open(SourceContext(class_mode=None))
    np.testing.assert_array_equal(dataset.load(np.arange(8))[0][0], X % 2)


def _spoilt(value: float) -> np.ndarray:
    array = X.copy()
    array[5, 2] = array[6, 0] = value
    return array


def _numbers() -> Iterator[Case]:
    for value in (np.nan, np.inf, -np.inf):
        array = _spoilt(value)
        npz = with_npz(lambda path, array=array: np.savez(path, x=array, y=Y))
        says = "data.npz: x holds 2 values that are NaN or infinite, the first at x[5, 2]."
        yield Case("A06", f"{value} in an npz", npz, 4, [says])
        says = "x.npy: The value at [5, 2] is NaN or infinite."
        yield Case("A06", f"{value} in an npy", with_npy(lambda array=array: npy(array)), 4, [says], lines=2)
        labels = Y.astype("f4")
        labels[3] = value
        npz = with_npz(lambda path, labels=labels: np.savez(path, x=X, y=labels))
        yield Case(
            "A06", f"{value} as a label", npz, 4, ["data.npz: y holds 1 value that is NaN or infinite, the first at y[3]."]
        )


def _shapes() -> Iterator[Case]:
    table: list[tuple[str, dict[str, np.ndarray], int, list[str]]] = [
        ("7 labels for 8 samples", {"y": Y[:7]}, 4, ["different numbers of samples", "x has 8", "y has 7"]),
        ("inputs without an axis", {"x": X[:, 0]}, 4, ["x has shape (8,)", "Save a single feature as x.reshape(-1, 1)."]),
        ("inputs that are one number", {"x": np.float32(3)}, 4, ["x is a single number"]),
        (
            "one-hot labels for a sparse loss",
            {"y": np.eye(2)[Y]},
            4,
            ["y has shape (8, 2)", "use class_mode: categorical and the loss categorical_cro"],
        ),
        ("labels with two axes", {"y": Y[:, None]}, 0, []),
        ("labels of three axes", {"y": np.zeros((8, 2, 2))}, 4, ["y has shape (8, 2, 2)"]),
        ("labels that are one number", {"y": np.array(1)}, 4, ["y is a single number"]),
        ("no labels", {"y": None}, 4, ["There is no array y."]),  # type: ignore[dict-item]
        ("another name", {"x": None, "xs": X}, 4, ["There is no array x. Did you mean xs?"]),  # type: ignore[dict-item]
    ]
    for name, change, code, says in table:
        arrays = {key: value for key, value in ({"x": X, "y": Y} | change).items() if value is not None}  # None: left out
        yield Case("A07", name, with_npz(lambda path, arrays=arrays: np.savez(path, **arrays)), code, says)


def _labels() -> Iterator[Case]:
    table: list[tuple[str, object, int, list[str]]] = [
        ("negative", [0, 1, -1, 1, 0, 1, 0, 1], 3, ["data.train gives 3 classes (-1, 0, 1)", "Give the last layer 3 units."]),
        ("a fraction", [0, 1, 1.5, 1, 0, 1, 0, 1], 4, ["y[2] is 1.5, but class numbers must be whole numbers."]),
        ("whole floats", [0.0, 1.0] * 4, 0, []),
        ("text", ["a", "b"] * 4, 0, []),
        ("as many as a billion", [0, 1, 10**9, 1, 0, 1, 0, 1], 3, ["data.train gives 3 classes (0, 1, 1000000000)"]),
        ("more classes than outputs", [0, 1, 2, 3, 4, 5, 6, 7], 3, ["(0 to 7)", "Give the last layer 8 units."]),
        ("gaps", [0, 5] * 4, 0, []),
        ("objects", None, 4, ["y", OBJECTS]),
    ]
    for name, labels, code, says in table:
        array = np.array(labels) if labels is not None else np.array([{}] * 8)
        make = with_npz(lambda path, array=array: np.savez(path, x=X, y=array, allow_pickle=True), more="class_mode: sparse")
        yield Case("A08", name, make, code, says)


def _unknown_class(folder: Path) -> Sequence[object]:
    np.savez(folder / "train.npz", x=X, y=Y)
    np.savez(folder / "test.npz", x=X, y=[0, 1, 1, 0, 2, 0, 1, 0])
    source = "{npz: {path: train.npz}}\n  validation: {npz: {path: test.npz}}"
    experiment(folder, source, more="class_mode: sparse")
    return CHECK


def _amounts() -> Iterator[Case]:
    yield Case("A09", "no samples", with_npz(lambda path: np.savez(path, x=X[:0], y=Y[:0])), 4, ["data.npz: x holds no samples."])
    yield Case("A09", "no features", with_npz(lambda path: np.savez(path, x=X[:, :0], y=Y)), 4, ["data.npz: x"])
    few = with_npz(lambda path: np.savez(path, x=X[:2], y=Y[:2]), ("epochs: 1", "epochs: 1, validation_split: 0.0"))
    yield Case("A09", "fewer samples than a batch", few)
    part = with_npz(lambda path: np.savez(path, x=X, y=Y), ("epochs: 1", "epochs: 1, validation_split: 0.01"))
    yield Case("A09", "a validation part of hardly any samples", part, check=_one_left)
    sorted_labels = with_npz(
        lambda path: np.savez(path, x=X, y=np.sort(Y)),
        ("epochs: 1", "epochs: 1, validation_split: 0.5"),
        more="class_mode: sparse",
    )
    yield Case("A09", "a class that the split leaves out", sorted_labels, check=_class_missing)


def _one_left(done: Done) -> None:
    assert "7 samples to train on, 1 sample to validate on" in done.out


def _class_missing(done: Done) -> None:
    assert any("validation_split" in line and "class" in line for line in done.warnings), done.err


def _constant(done: Done) -> None:
    assert "nan" not in done.err.casefold(), done.err


def _constants() -> Iterator[Case]:
    layers = ("[Flatten", "[Normalization, Flatten")
    same = with_npz(lambda path: np.savez(path, x=np.ones((8, 3), "f4"), y=Y), layers, command=("train", "e.yaml"))
    yield Case("A10", "a constant column, normalized", same, check=_constant)
    labels = with_npz(
        lambda path: np.savez(path, x=X, y=np.zeros(8, int)), more="class_mode: sparse", command=("train", "e.yaml")
    )
    yield Case("A10", "labels that are all alike", labels, check=_told_one_class)


def _told_one_class(done: Done) -> None:
    assert any("one class" in line for line in done.warnings), done.err


def _shrinks(folder: Path) -> None:
    (folder / "x.npy").write_bytes(npy(np.ones((100_000, 3), "f4")))
    dataset = NpySource(x=str(folder / "x.npy")).open(SourceContext(class_mode=None))
    with (folder / "x.npy").open("r+b") as file:
        file.truncate(200)
    told = ""
    try:
        dataset.load(np.array([99_999]))
    except ValueError as error:
        told = str(error)
    assert told.endswith("x.npy: The file was cut short while it was in use."), told


CASES = [
    *_objects(),
    *_headers(),
    *_damaged(),
    *_archives(),
    *_types(),
    *_numbers(),
    *_shapes(),
    *_labels(),
    Case(
        "A08",
        "a class that training lacks",
        _unknown_class,
        4,
        ["test.npz: y[4] is 2, but class numbers must be 0 to 1, as in the"],
    ),
    *_amounts(),
    *_constants(),
    Case("A11", "a mapped file that becomes shorter", probe=_shrinks),
]
