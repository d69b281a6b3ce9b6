"""State dicts of PyTorch: .pth and .pt through its reader for weights alone, and .safetensors."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import MachineError, shorten
from fittool.exchange.incoming.foreign import LARGEST_FILE, Arrays, ForeignWeights, as_floats, refused
from fittool.runs.files.safetensors_file import RefusedError, read_safetensors

_HOLDERS = ("state_dict", "model_state_dict", "model", "net", "module", "params", "weights", "state_dict_ema", "ema")
"""Under these names checkpoints keep the state dict beside the optimizer's state and what else there is."""
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")
"""What wrappers put before every name: parallel training, compiled modules, modules of modules."""
_COUNTERS = ("num_batches_tracked",)
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_UNSUPPORTED = re.compile(r"[Uu]nsupported (?:global|class|operand|function)[^\w]*([\w.]+)")
_MOST_ENTRIES = 100_000
_LARGEST_RATIO = 200
_SMALL, _MOST_REPEATS = 2**20, 16
"""A tensor may show what it holds many times over; more bytes than so many times these are not written out."""


def read_torch(path: Path) -> ForeignWeights:
    """The state dict of a .pth or .pt file, old form or new.

    Raises:
        CheckpointError: It is none, or wants to run code.
        MachineError: PyTorch is not installed.
    """
    _check_file(path)
    return ForeignWeights(path, "torch", modules_of(_tensors(_load(path), path), path))


def read_foreign_safetensors(path: Path) -> ForeignWeights:
    """The tensors of a .safetensors file with PyTorch's names; its order is not that of the layers.

    Raises:
        CheckpointError: The file is damaged, or holds what is no weights.
    """
    try:
        tensors = read_safetensors(path).tensors()
    except RefusedError as error:
        raise refused(path, f"{error}.") from error
    arrays = {name: as_floats(array, name, path) for name, array in tensors.items() if not name.endswith(_COUNTERS)}
    ordered = dict(sorted(_without_prefixes(arrays).items(), key=lambda entry: natural(entry[0])))
    return ForeignWeights(path, "torch", modules_of(ordered, path), ordered=False)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts names with numbers by these: `layer2` before `layer10`."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def modules_of(arrays: Mapping[str, NDArray[Any]], path: Path) -> dict[str, Arrays]:
    """Arrays by the name of their module, in the order of the file, then by the part's name."""
    found: dict[str, Arrays] = {}
    for name, array in arrays.items():
        module, _, part = name.rpartition(".")
        found.setdefault(module, {})[part] = array
    if not found:
        raise refused(path, "holds no weights.")
    return found


def _check_file(path: Path) -> None:
    """Refuse what is no file of weights before PyTorch opens it."""
    if path.stat().st_size > LARGEST_FILE:
        raise refused(path, f"has {path.stat().st_size:,} bytes, more than the {LARGEST_FILE:,} that are read.")
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refused(path, f"is a damaged zip archive: {shorten(str(error))}.") from error
    if len(entries) > _MOST_ENTRIES or any(one.file_size > _LARGEST_RATIO * max(one.compress_size, 4096) for one in entries):
        raise refused(path, "is a zip archive that unpacks to far more than it holds; it was not opened.")
    if not any(one.filename.endswith("data.pkl") for one in entries):
        raise refused(path, "is a zip archive, but none of PyTorch's: it has no data.pkl.")


def _load(path: Path) -> Any:
    """What PyTorch reads from the file; it refuses everything but tensors and plain data."""
    try:
        import torch
    except ImportError:
        raise MachineError(f"To read {path.name}, install the extra: pip install 'fittool[torch]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old forms and types, which go on working
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise refused(path, _wants(str(error))) from error
    except Exception as error:  # whatever a damaged file makes of the reader
        cause = shorten(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 120)
        raise refused(path, f"cannot be read by PyTorch: {cause}") from error


def _wants(text: str) -> str:
    """The refusal of a pickle that is more than weights, with the name of what it wants to call."""
    found = _GLOBAL.search(text) or _UNSUPPORTED.search(text)
    name = found.group(1) if found else ""
    if not name:
        return "is no file of weights, or a damaged one; nothing of it was run."
    return (
        f"wants to call {shorten(name)}, which is code. Nothing of it was run; save the weights alone, with "
        "torch.save(model.state_dict(), …)."
    )


def _tensors(content: Any, path: Path) -> Arrays:
    """The arrays of a state dict, or of the one that a checkpoint holds."""
    import torch

    held = content
    for _ in range(3):
        if not isinstance(held, Mapping):
            raise refused(path, f"holds {type(held).__name__}, where a state dict of tensors was expected.")
        if any(isinstance(value, torch.Tensor) for value in held.values()):
            break
        inner = next((name for name in _HOLDERS if isinstance(held.get(name), Mapping)), None)
        if inner is None:
            names = ", ".join(shorten(str(name), 20) for name in list(held)[:5]) or "nothing"
            raise refused(path, f"holds no state dict; it has {names}.")
        held = held[inner]
    arrays: Arrays = {}
    for name, value in held.items():
        if isinstance(value, torch.Tensor) and not str(name).endswith(_COUNTERS):
            arrays[str(name)] = as_floats(_as_array(value, str(name), path), str(name), path)
    return _without_prefixes(arrays)


def _as_array(tensor: Any, name: str, path: Path) -> NDArray[Any]:
    if tensor.is_sparse or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
        raise refused(
            path, f"holds {shorten(name)}, a {tensor.layout} tensor of {tensor.dtype}, where weights are plain numbers."
        )
    held = max(tensor.untyped_storage().nbytes(), _SMALL)
    if tensor.numel() * tensor.element_size() > _MOST_REPEATS * held:
        raise refused(path, f"announces {tensor.numel():,} numbers in {shorten(name)}, far more than it holds.")
    array: NDArray[np.generic] = tensor.detach().float().numpy()
    return array


def _without_prefixes(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The names without what a wrapper put before all of them."""
    found = dict(arrays)
    while (prefix := next((one for one in _PREFIXES if found and all(name.startswith(one) for name in found)), None)) is not None:
        found = {name.removeprefix(prefix): array for name, array in found.items()}
    return found
