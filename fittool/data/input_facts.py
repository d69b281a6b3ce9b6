"""The facts about a network's inputs when it learnt: shape, type, smallest and largest value. A run keeps it as inputs.json."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.dataset import ArrayDataset, Dataset, Shape, Subset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError

Origin: TypeAlias = Literal["files", "arrays", "function"]
"""Image files, whose pixels are 0 to 255; arrays; or a Python function, of which the first batch is looked at."""

_PIECE = 1 << 24
_MOST_READ = 1 << 26  # bytes of arrays that stay on disk
_FILES = 64


@dataclass(frozen=True)
class InputFacts:
    """One input of a network, as some data give it.

    Attributes:
        name: Of the input.
        shape: Of one sample.
        dtype: Of its values, as batches hold them: uint8 or float32.
        lowest, highest: The smallest and the largest value; of image files 0 and 255.
        whole: Whether all values are whole numbers.
        origin: Where the values come from.
    """

    name: str
    shape: Shape
    dtype: str
    lowest: float
    highest: float
    whole: bool
    origin: Origin

    @property
    def is_image(self) -> bool:
        """True where a sample has height, width and channels."""
        return len(self.shape) == 3

    @property
    def range(self) -> str:
        """`0 to 255`."""
        return f"{_number(self.lowest)} to {_number(self.highest)}"

    def plain(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        form: dict[str, Any] = {"kind": "array", "shape": list(self.shape)}
        if self.is_image:
            form = {"kind": "image", "size": list(self.shape[:2]), "channels": self.shape[2]}
        values = {"dtype": self.dtype, "lowest": self.lowest, "highest": self.highest, "whole": self.whole}
        return {"name": self.name, **form, **values, "origin": self.origin}


def facts_from(plain: object) -> tuple[InputFacts, ...]:
    """The facts in what `InputFacts.plain` gave for each input.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(plain, list) or not all(isinstance(entry, dict) for entry in plain):
        raise ValueError("it is no list of inputs")
    return tuple(map(_from_plain, plain))


def _from_plain(entry: Mapping[str, Any]) -> InputFacts:
    image = entry.get("kind") == "image"
    shape = [*_as_list(entry.get("size")), entry.get("channels")] if image else _as_list(entry.get("shape"))
    lowest, highest = entry.get("lowest"), entry.get("highest")
    if (
        not all(isinstance(length, int) and length > 0 for length in shape)
        or (image and len(shape) != 3)
        or not (_is_number(lowest) and _is_number(highest))
        or not (isinstance(entry.get("name"), str) and isinstance(entry.get("whole"), bool))
        or entry.get("dtype") not in ("uint8", "float32")
        or entry.get("origin") not in get_args(Origin)
    ):
        raise ValueError("an input is not what fittool wrote")
    return InputFacts(
        entry["name"],
        tuple(shape),
        entry["dtype"],
        float(entry["lowest"]),
        float(entry["highest"]),
        entry["whole"],
        entry["origin"],
    )


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def facts_of(data: Dataset | GeneratorData, *, decode: bool = False) -> tuple[InputFacts, ...]:
    """The facts of each input; arrays in memory are looked at as a whole, of arrays on disk evenly chosen samples.

    Args:
        data: The samples.
        decode: Whether some image files are decoded too; else 0 and 255 are their smallest and largest value.

    Raises:
        DataError: A sample that is looked at cannot be read.
    """
    origin = _origin_of(data)
    facts = []
    for number, (name, shape) in enumerate(data.input_shapes.items()):
        of_files = origin == "files" and len(shape) == 3
        pieces = iter([_BLACK_AND_WHITE]) if of_files and not decode else _pieces(data, number)
        facts.append(_facts(name, shape, pieces, "arrays" if origin == "files" and not of_files else origin))
    return tuple(facts)


_BLACK_AND_WHITE = np.array([[0], [255]], np.uint8)


def _facts(name: str, shape: Shape, pieces: Iterator[Array], origin: Origin) -> InputFacts:
    lowest, highest, whole, dtype = math.inf, -math.inf, True, "float32"
    for piece in pieces:
        lowest, highest = min(lowest, float(piece.min())), max(highest, float(piece.max()))
        whole = whole and (piece.dtype.kind != "f" or bool((piece == np.rint(piece)).all()))
        dtype = "uint8" if piece.dtype == np.uint8 else "float32"
    if lowest > highest:  # not one file can be read, which decoding will tell
        lowest = highest = 0.0
    return InputFacts(name, tuple(shape), dtype, lowest, highest, whole, origin)


def _origin_of(data: Dataset | GeneratorData) -> Origin:
    if isinstance(data, GeneratorData):
        return "function"
    return "files" if hasattr(_whole(data), "form") else "arrays"


def _whole(data: Dataset | GeneratorData) -> Any:
    """The dataset that some data are samples of."""
    found: Any = data
    while isinstance(found, Subset):
        found = found.dataset
    return found


def _pieces(data: Dataset | GeneratorData, number: int) -> Iterator[Array]:
    """The samples of one input, a few at a time."""
    features = getattr(data, "features", None)
    if isinstance(data, GeneratorData):
        yield data.first.inputs[number]
    elif isinstance(data, ArrayDataset):
        yield from _parts(data.inputs[number])
    elif features is not None and number:  # of a table of images, which need not be decoded for its numbers
        yield from _parts(features)
    else:
        yield from _read(data, number)


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    rows = max(1, _PIECE * len(array) // max(array.nbytes, 1))
    yield from (array[start : start + rows] for start in range(0, len(array), rows))


def _read(data: Dataset, number: int) -> Iterator[Array]:
    """All samples of arrays in memory, an even choice of those that would take long; unreadable files are passed over."""
    whole, count = _whole(data), len(data)
    if hasattr(whole, "form"):
        for index in _even(count, _FILES):
            with suppress(DataError):
                yield data.load(np.array([index]))[0][number]
        return
    bytes_of_one = max(1, sum(array.nbytes for array in data.load(np.zeros(1, np.int64))[0]))
    some = _even(count, count if isinstance(whole, ArrayDataset) else max(1, _MOST_READ // bytes_of_one))
    rows = max(1, _PIECE // bytes_of_one)
    yield from (data.load(some[start : start + rows])[0][number] for start in range(0, len(some), rows))


def _even(count: int, most: int) -> NDArray[np.int64]:
    """Evenly chosen numbers below `count`, the first and the last among them."""
    chosen = np.linspace(0, count - 1, min(count, most)).astype(np.int64)
    return chosen[np.diff(chosen, prepend=-1) > 0]  # np.unique would import masked arrays


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:.4g}"


def in_words(facts: Sequence[InputFacts]) -> list[str]:
    """A line for each input that is told at the start: `images 8 x 8 (height x width), 1 channel, pixels 0 to 255`."""
    return [_in_words(fact, len(facts) > 1) for fact in facts]


def _in_words(fact: InputFacts, named: bool) -> str:
    title = f"{fact.name}: " if named else "inputs: "
    if not fact.is_image:
        return f"{title}arrays of shape {fact.shape}, values {fact.range}"
    height, width, channels = fact.shape
    some = "1 channel" if channels == 1 else f"{channels} channels"
    seen = " in the first batch" if fact.origin == "function" else ""
    return f"{title}images {height} x {width} (height x width), {some}, pixels {fact.range}{seen}"
