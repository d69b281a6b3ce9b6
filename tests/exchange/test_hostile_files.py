"""Files that are hostile, damaged or odd: each is refused in one line with exit code 5, and nothing in it is run.

What they hold is harmless: a pickle that would leave a mark, a function of this file, text where numbers belong.
"""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittool.errors import CheckpointError
from fittool.exchange.incoming.reading import read_model, read_weights
from fittool.experiment.pretrained.import_model import import_model

h5py = pytest.importorskip("h5py")
torch = pytest.importorskip("torch")
Make = Callable[[Path], Path]
CALLED: list[str] = []


def leave_a_mark(text: str) -> str:
    """What a file must never reach."""
    CALLED.append(text)
    return text


class Calling:
    """An object whose pickle calls a function when it is read."""

    def __reduce__(self) -> Any:
        return leave_a_mark, ("read",)


class Custom:
    """An object of a class that no reader of weights knows."""


def saved(content: Any, **options: Any) -> Make:
    """A file of `torch.save`."""

    def make(folder: Path) -> Path:
        path = folder / "model.pth"
        torch.save(content() if callable(content) and not isinstance(content, torch.nn.Module) else content, path, **options)
        return path

    return make


def raw(content: bytes, name: str = "model.pth") -> Make:
    """A file of these bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def changed(make: Make, change: Callable[[bytes], bytes]) -> Make:
    """Another file, its bytes changed."""

    def made(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return made


def zipped(members: dict[str, bytes], name: str = "model.keras", compression: int = zipfile.ZIP_STORED) -> Make:
    """A zip archive."""

    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / name, "w", compression) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return folder / name

    return make


def h5_bytes(fill: Callable[[Any], object]) -> bytes:
    """The bytes of an HDF5 file."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def h5(fill: Callable[[Any], object]) -> Make:
    """An HDF5 file."""
    return raw(h5_bytes(fill), "model.h5")


def dense(**more: Any) -> dict[str, Any]:
    """The configuration of a fully connected layer."""
    return {"class_name": "Dense", "config": {"name": "dense", "units": 2, "activation": "linear", **more}}


def sequential(*layers: Any, **more: Any) -> dict[str, Any]:
    """The configuration of a chain for inputs of three numbers."""
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "in"}}
    return {"class_name": "Sequential", "config": {"name": "chain", "layers": [first, *layers], **more}}


def weights(file: Any, kernel: Any = None) -> None:
    """The weights of `dense`, in the new form."""
    file["layers/dense/vars/0"] = np.ones((3, 2), "f4") if kernel is None else kernel
    file["layers/dense/vars/1"] = np.zeros(2, "f4")


def keras(config: Any, fill: Callable[[Any], object] = weights, **members: bytes) -> Make:
    """A .keras archive."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    return zipped(
        {"config.json": text, "metadata.json": b'{"keras_version": "3.9.0"}', "model.weights.h5": h5_bytes(fill), **members}
    )


def old(config: Any, fill: Callable[[Any], object] = weights) -> Make:
    """A .h5 file with a configuration."""

    def both(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(config)
        fill(file.create_group("model_weights"))

    return h5(both)


def external_link(file: Any) -> None:
    file["layers/dense/vars/0"] = h5py.ExternalLink("elsewhere.h5", "/secret")


def soft_link(file: Any) -> None:
    file["layers/dense/vars/1"] = np.zeros(2, "f4")
    file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense/vars/1")


def external_storage(file: Any) -> None:
    file.create_dataset("layers/dense/vars/0", (3, 2), "f4", external=[("elsewhere.bin", 0, 24)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "data", (3, 2))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def announced(file: Any) -> None:
    file.create_dataset("layers/dense/vars/0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))


def names_of_nothing(file: Any) -> None:
    file.attrs["layer_names"] = ["dense"]
    file.create_group("dense").attrs["weight_names"] = ["dense/kernel"]


def group_within_itself(file: Any) -> None:
    weights(file)
    file["layers/again"] = file["layers"]


def nothing_at_all(file: Any) -> None:
    weights(file, h5py.Empty("f4"))


def optimizer_elsewhere(file: Any) -> None:
    weights(file)
    file["optimizer/vars/0"] = h5py.ExternalLink("elsewhere.h5", "/secret")


def safetensors(content: bytes, **header: tuple[str, list[int], list[int]]) -> Make:
    """A .safetensors file: dtype, shape and place of each tensor."""
    entries = {name: dict(zip(("dtype", "shape", "data_offsets"), entry, strict=True)) for name, entry in header.items()}
    text = json.dumps(entries).encode()
    return raw(len(text).to_bytes(8, "little") + text + content, "model.safetensors")


def tar_of_old(folder: Path) -> Path:
    """The members that PyTorch wrote before 0.4."""
    with tarfile.open(folder / "model.pth", "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = pickle.dumps(Calling())
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return folder / "model.pth"


NAN = np.full((3, 2), np.nan, "f4")
TEXTS = np.array([[b"a", b"b"]] * 3, "S1")
GOOD = sequential(dense())
STATE = {"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}
OLD_FORM = {"_use_new_zipfile_serialization": False}
GRAPH = {
    "class_name": "Functional",
    "config": {
        "name": "g",
        "layers": [
            {"class_name": "InputLayer", "name": "in", "config": {"batch_shape": [None, 3], "name": "in"}, "inbound_nodes": []},
            {**dense(), "name": "dense", "inbound_nodes": [[["gone", 0, 0, {}]]]},
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["dense", 0, 0]],
    },
}
LAMBDA = {
    "class_name": "Lambda",
    "config": {"name": "trick", "function": {"class_name": "__lambda__", "config": {"code": "gA=="}}},
}
FUNCTION = dense(
    activation={"module": "builtins", "class_name": "function", "config": "leave_a_mark", "registered_name": "function"}
)
MODEL = {"class_name": "Sneaky", "module": "exchange.test_hostile_files", "config": {}}

FILES: dict[str, tuple[Make, str]] = {
    "pickle that calls": (saved(Calling), r"wants to call .*leave_a_mark, which is code"),
    "pickle that calls, old form": (saved(Calling, **OLD_FORM), r"wants to call .*leave_a_mark, which is code"),
    "pickle that calls beside weights": (saved(lambda: {**STATE, "x": Calling()}), "wants to call .*leave_a_mark"),
    "pickle of its own": (raw(pickle.dumps(Calling())), r"wants to call|no file of weights|cannot be read"),
    "object of a class": (saved(Custom), r"wants to call .*Custom, which is code"),
    "whole module": (saved(torch.nn.Linear(3, 2)), r"wants to call .*Linear, which is code"),
    "cut off": (changed(saved(STATE), lambda content: content[: len(content) // 2]), "cannot be read|damaged|no file of weights"),
    "cut off, old form": (changed(saved(STATE, **OLD_FORM), lambda content: content[:-30]), "cannot be read|no file of weights"),
    "nothing behind the pickle's head": (raw(b"\x80\x02"), "cannot be read|no file of weights"),
    "zip without a pickle": (zipped({"readme.txt": b"hello"}, "model.pth"), "none of PyTorch's: it has no data.pkl"),
    "zip that unpacks without end": (
        zipped({"a/data.pkl": b"\0" * 40_000_000}, "model.pth", zipfile.ZIP_DEFLATED),
        "unpacks to far more than it holds",
    ),
    "damaged zip": (
        changed(zipped({"a/data.pkl": b"x"}, "model.pth"), lambda content: content[:20] + content[-30:]),
        "zip archive|read",
    ),
    "list of tensors": (saved([torch.ones(2)]), "holds list, where a state dict of tensors was expected"),
    "settings without weights": (saved({"epoch": 3, "lr": 0.1}), "holds no state dict; it has epoch, lr"),
    "empty state dict": (saved({"state_dict": {}}), "holds no state dict|holds no weights"),
    "complex weights": (saved({"fc.weight": torch.ones(2, 3, dtype=torch.complex64)}), "weights are plain numbers"),
    "sparse weights": (saved(lambda: {"fc.weight": torch.eye(3).to_sparse()}), "weights are plain numbers"),
    "weights that are not finite": (saved({"fc.weight": torch.full((2, 3), float("inf"))}), "not finite"),
    "empty file": (raw(b""), "is empty"),
    "text": (raw(b"these are no weights at all"), "not a safetensors file"),
    "picture": (raw(b"\x89PNG\r\n\x1a\n" + b"\0" * 40), "is a PNG image"),
    "safetensors with a header too long": (raw(b"\xff" * 8 + b"{}", "model.safetensors"), "safetensors file"),
    "safetensors cut off": (
        raw((80).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(80), "m.safetensors"),
        "cut off",
    ),
    "lambda layer": (keras(sequential(LAMBDA)), r"layer trick \(Lambda\) holds code, which is not run"),
    "lambda layer in .h5": (old(sequential(LAMBDA)), r"layer trick \(Lambda\) holds code, which is not run"),
    "function as an activation": (
        keras(sequential(FUNCTION)),
        r"layer dense \(Dense\) has the activation leave_a_mark, a function of its",
    ),
    "registered class": (keras(sequential(dense(activation="mine>leave"))), "mine>leave, a function of its own"),
    "model of its own class": (keras(MODEL), "model of the class Sneaky, whose code is not run"),
    "layer of its own class": (
        keras(sequential({"class_name": "Sneaky", "config": {"name": "s"}})),
        r"layer s \(Sneaky\) has no counter",
    ),
    "layer that wraps code": (
        keras(sequential({"class_name": "TimeDistributed", "config": {"name": "t", "layer": LAMBDA}})),
        r"layer t \(TimeDistributed\)",
    ),
    "configuration that is no JSON": (keras(b"{not json"), "damaged config.json"),
    "configuration that is a list": (keras(b"[]"), "damaged config.json: it is no mapping"),
    "configuration far too deep": (keras(b"[" * 5000 + b"]" * 5000), "far too large or too deep"),
    "models within models without end": (
        keras(GOOD | {"config": {"layers": [{"class_name": "Sequential", "config": {"name": "x", "layers": []}}] * 2}}),
        "one name|no layers",
    ),
    "archive without weights": (zipped({"config.json": b"{}"}), "it has no model.weights.h5"),
    "archive with a way out": (keras(GOOD, **{"../outside.py": b"pass"}), "lies outside of it"),
    "archive that unpacks without end": (
        zipped({"config.json": b" " * 30_000_000, "model.weights.h5": b""}, compression=zipfile.ZIP_DEFLATED),
        "unpacks to 30,000,000 bytes",
    ),
    "weights that are no HDF5": (
        zipped({"config.json": json.dumps(GOOD).encode(), "model.weights.h5": b"hello"}),
        "no whole HDF5 file",
    ),
    "weights of another shape": (
        keras(GOOD, lambda file: weights(file, np.ones((4, 2), "f4"))),
        "kernel has shape .4, 2., expected .3, 2.",
    ),
    "weights that are missing": (keras(GOOD, lambda file: file.create_group("layers")), "it has 0 arrays, expected 2"),
    "weights that are no numbers": (keras(GOOD, lambda file: weights(file, TEXTS)), "it has .* arrays, expected 2"),
    "weights with NaN": (keras(GOOD, lambda file: weights(file, NAN)), "not finite"),
    "link to another file": (keras(GOOD, external_link), "points to something else at layers/dense/vars/0"),
    "link within": (keras(GOOD, soft_link), "points to something else"),
    "array in another file": (keras(GOOD, external_storage), "takes layers/dense/vars/0 from another file|no whole HDF5"),
    "virtual array": (keras(GOOD, virtual), "takes layers/dense/vars/0 from another file"),
    "array that is announced": (keras(GOOD, announced), "announces more than"),
    "names without weights": (h5(names_of_nothing), "lists dense/dense/kernel, which is not there"),
    "HDF5 cut off": (changed(old(GOOD), lambda content: content[:700]), "no whole HDF5 file"),
    "HDF5 of others": (h5(lambda file: file.create_group("data")), "none of Keras's"),
    "graph that takes what is not there": (keras(GRAPH), "dense takes what nothing gives"),
    "input of open size": (
        keras(
            sequential()
            | {"config": {"layers": [{"class_name": "InputLayer", "config": {"batch_shape": [None, None], "name": "i"}}]}}
        ),
        "open; say it with --input-shape",
    ),
    "channels that come first": (
        keras(
            sequential(
                {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": 3, "data_format": "channels_first"}}
            )
        ),
        "data_format: channels_first",
    ),
    "own class under a name of Keras's": (
        keras(sequential({"module": "evil.layers", "registered_name": "evil>Dense", **dense()})),
        r"layer dense is of the class evil>Dense, whose code is not run",
    ),
    "own model under a name of Keras's": (
        keras({**GOOD, "module": "evil.models", "registered_name": None}),
        r"holds a model of the class evil.models.Sequential, whose code is not run",
    ),
    "own class that is wrapped": (
        keras(
            sequential(
                {
                    "class_name": "TimeDistributed",
                    "config": {"name": "t", "layer": {"module": "evil", "registered_name": None, **dense()}},
                }
            )
        ),
        r"layer t \(TimeDistributed\) wraps a layer of the class evil.Dense, whose code is not run",
    ),
    "layer far larger than the file": (keras(sequential(dense(units=10**11))), r"kernel has shape .3, 2., expected .3, 1000"),
    "tensor that repeats one number": (
        saved(lambda: {"fc.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}),
        "announces 1,099,511,627,776 numbers in fc.weight, far more than it holds",
    ),
    "tensor on no device": (saved(lambda: {"fc.weight": torch.zeros(9, 9, device="meta")}), "weights are plain numbers"),
    "tar archive of old": (tar_of_old, "is a tar archive, as PyTorch's files of before 2018"),
    "safetensors that overlap": (
        safetensors(b"\0" * 12, a=("F32", [2], [0, 8]), b=("F32", [2], [4, 12])),
        "damaged header: invalid offset for tensor",
    ),
    "safetensors of a type that is not read": (
        safetensors(b"\x38" * 4, a=("F8_E4M3", [4], [0, 4])),
        "the tensor a with the dtype F8_E4M3",
    ),
    "safetensors of an impossible emptiness": (safetensors(b"", a=("F32", [0, 1 << 62], [0, 0])), "an impossible shape"),
    "safetensors nested far too deep": (
        raw((80_001).to_bytes(8, "little") + b'{"a":' * 13333 + b"1" + b"}" * 13333 + b" " * 2, "model.safetensors"),
        "nested too deeply|damaged header",
    ),
    "group within itself": (keras(GOOD, group_within_itself), "groups within groups far too deep"),
    "array of nothing": (keras(GOOD, nothing_at_all), "holds nothing at layers/dense/vars/0"),
    "optimizer in another file": (keras(GOOD, optimizer_elsewhere), "points to something else at optimizer/vars/0"),
    "masks": (
        keras(
            sequential({"class_name": "Embedding", "config": {"name": "e", "input_dim": 4, "output_dim": 2, "mask_zero": True}})
        ),
        r"layer e \(Embedding\) has mask_zero: True",
    ),
}


def test_there_are_forty_files() -> None:
    assert len(FILES) >= 40


def test_a_version_of_thousands_of_digits_is_only_a_version(tmp_path: Path) -> None:
    metadata = json.dumps({"keras_version": "9" * 5000}).encode()
    members = {"config.json": json.dumps(GOOD).encode(), "metadata.json": metadata, "model.weights.h5": h5_bytes(weights)}
    path = zipped(members)(tmp_path)
    assert set(read_model(path).weights) == {"dense/kernel", "dense/bias"}


@pytest.mark.parametrize(
    ("dtype", "content"),
    [("BF16", b"\x80\x3f" * 4), ("F16", b"\x00\x3c" * 4), ("F64", np.ones(4).tobytes()), ("I8", b"\1" * 4)],
)
def test_other_types_of_numbers_are_read(dtype: str, content: bytes, tmp_path: Path) -> None:
    path = safetensors(content, **{"fc.weight": (dtype, [2, 2], [0, len(content)])})(tmp_path)
    (array,) = (part["weight"] for part in read_weights(path).layers.values())
    assert array.dtype == np.float32 and np.array_equal(array, np.ones((2, 2)))


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_refused_and_nothing_is_run(name: str, tmp_path: Path) -> None:
    CALLED.clear()
    make, message = FILES[name]
    path = make(tmp_path)
    with pytest.raises(CheckpointError, match=message) as error:
        _read(path)
    assert error.value.exit_code == 5
    assert len(error.value.problems) == 1 and "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))
    assert CALLED == []


def _read(path: Path) -> None:
    if path.suffix in (".keras", ".h5"):
        read_model(path) if path.suffix == ".keras" else import_model(path, path.parent / "out", network="mobilenet_v2")
        read_model(path)
    else:
        read_weights(path)


def test_nothing_is_written_for_a_file_that_is_refused(tmp_path: Path) -> None:
    path = keras(sequential(LAMBDA))(tmp_path)
    with pytest.raises(CheckpointError, match="holds code"):
        import_model(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_pickle_of_this_file_would_leave_its_mark(tmp_path: Path) -> None:
    """The payload works, where somebody is careless enough to run it."""
    CALLED.clear()
    pickle.loads(pickle.dumps(Calling()))
    assert CALLED == ["read"]
