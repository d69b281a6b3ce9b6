"""A look at arrays: in an npz archive, in npy files that belong together, in MNIST's files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from fittool.data.dataset import Dataset
from fittool.data.formats.npy_format import NpzFile
from fittool.data.sources import IdxSource, NpySource, NpzSource, SourceContext
from fittool.data.sources.base import Source
from fittool.errors import DataError, visible
from fittool.scaffold.survey import Survey
from fittool.scaffold.task import task_of

_INPUTS = ("x", "images", "data", "inputs", "features", "arr_0")  # numpy.savez(file, x, y) calls them arr_0 and arr_1
_LABELS = ("y", "labels", "targets", "target", "label", "arr_1")
_TRAIN = ("", "_train", "_training", "train_")
_VALIDATION = ("_val", "_valid", "_validation", "_test", "val_", "valid_", "validation_", "test_")
_SHOWN = 20


def look_at_npz(path: str, labels: Sequence[str] = ()) -> Survey:
    """Look at an npz archive; arrays such as `x_test` and `y_test` become the validation data.

    Args:
        path: The file, or its address.
        labels: The name of the array of labels, where it is given.

    Raises:
        DataError: It cannot be trained on.
    """
    names = NpzFile(SourceContext().path(path)).names
    x, y = _choose(names, _INPUTS, _TRAIN), labels[0] if labels else _choose(names, _LABELS, _TRAIN)
    if x is None or y is None:
        listed = ", ".join(map(visible, names[:_SHOWN])) or "nothing"
        raise DataError(f"It needs an array of inputs, x, and one of labels, y; it holds {listed}.", place=visible(path))
    beside = next((pair for pair in _pairs(names, _VALIDATION)), None)
    validation = None if beside is None or beside == (x, y) else NpzSource(path, x=beside[0], y=beside[1])
    used = {x, y, *(beside or ())}
    unused = [name for name in names if name not in used]
    told = [f"  not used: {', '.join(map(visible, unused[:_SHOWN]))}"] if unused else []
    return _survey(path, NpzSource(path, x=x, y=y), validation, told)


def look_at_npy(path: str) -> Survey:
    """Look at an npy file of inputs, with labels in a file beside it (`x.npy` and `y.npy`, `x_train.npy` and `y_train.npy`).

    Raises:
        DataError: There are no such labels, or it cannot be trained on.
    """
    names = [name.removesuffix(".npy") for name in _beside(path) if name.endswith(".npy")]
    pairs = dict(_pairs(names, (*_TRAIN, *_VALIDATION)))
    given = os.path.basename(path).removesuffix(".npy")
    x = next((x for x, y in pairs.items() if given in (x, y)), None)
    if x is None:
        raise DataError("There is no file of labels beside it, such as y.npy beside x.npy.", place=visible(path))

    def source(inputs: str, labels: str) -> NpySource:
        return NpySource(_sibling(path, f"{inputs}.npy"), y=_sibling(path, f"{labels}.npy"))

    validation = next((source(*pair) for pair in _pairs(names, _VALIDATION) if pair[0] != x), None)
    return _survey(path, source(x, pairs[x]), validation, [])


def look_at_idx(path: str) -> Survey:
    """Look at a file of images in MNIST's format, with its labels, and MNIST's own test files, beside it.

    Raises:
        DataError: There are no labels, or it cannot be trained on.
    """
    names = set(_beside(path))
    images = os.path.basename(path)
    labels = _labels_of(images, names)
    if labels is None:
        raise DataError("There is no file of labels beside it, such as train-labels-idx1-ubyte.", place=visible(path))
    test = images.replace("train-", "t10k-", 1)
    test_labels = _labels_of(test, names) if test != images and test in names else None
    validation = IdxSource(_sibling(path, test), labels=_sibling(path, test_labels)) if test_labels else None
    return _survey(path, IdxSource(path, labels=_sibling(path, labels)), validation, [])


def _labels_of(images: str, names: set[str]) -> str | None:
    """`train-labels-idx1-ubyte.gz` of `train-images-idx3-ubyte.gz`, packed or not."""
    wanted = re.sub(r"idx[0-9]", "idx1", images.replace("images", "labels", 1))
    found = (wanted, wanted.removesuffix(".gz"), f"{wanted}.gz")
    return next((name for name in found if name in names and name != images), None)


def _survey(path: str, source: Source, validation: Source | None, told: list[str]) -> Survey:
    task, dataset = task_of(lambda class_mode: _open(source, class_mode))
    (shape,) = dataset.input_shapes.values()
    images = len(shape) == 3 and shape[-1] in (1, 3, 4)
    size = "×".join(map(str, shape[:-1] if images and shape[-1] == 1 else shape))
    return Survey(
        lines=(f"{visible(path)}: {len(dataset):,} samples of shape {size}, {task.in_words()}", *told),
        source=source,
        task=task,
        validation=validation,
        validation_part="stratified" if task.can_be_stratified else "random",
        image_size=(shape[0], shape[1]) if images else None,
        axes=len(shape),
        samples=len(dataset),
    )


def _open(source: Source, class_mode: object) -> Dataset:
    return source.open(SourceContext(class_mode=class_mode))  # type: ignore[arg-type,return-value]  # no arrays are a function


def _choose(names: Sequence[str], wanted: Sequence[str], forms: Sequence[str]) -> str | None:
    """The first array that is called so, whatever the case."""
    by_folded = {name.casefold(): name for name in names}
    called = (form + name if form.endswith("_") else name + form for form in forms for name in wanted)
    return next((by_folded[name] for name in called if name in by_folded), None)


def _pairs(names: Sequence[str], forms: Sequence[str]) -> list[tuple[str, str]]:
    """Inputs with their labels, one for each form of names that is there."""
    found = [(_choose(names, _INPUTS, [form]), _choose(names, _LABELS, [form])) for form in forms]
    return [(x, y) for x, y in found if x is not None and y is not None]


def _beside(path: str) -> list[str]:
    return sorted(os.listdir(Path(path).parent))


def _sibling(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), name)
