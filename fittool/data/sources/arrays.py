"""From named arrays to a dataset: what the sources `npz` and `idx` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from fittool.data.arrays import as_images, as_inputs, as_weights, check_input_shape, check_lengths, zeros_for_bad_rows
from fittool.data.dataset import ArrayDataset
from fittool.data.sources.base import SourceContext
from fittool.data.targets import from_numbers, no_targets


@dataclass(frozen=True)
class NamedArray:
    """An array and what messages call it ("digits.npz: x")."""

    name: str
    array: NDArray[Any]


def dataset_of(x: NamedArray, y: NamedArray | None, sample_weight: NamedArray | None, context: SourceContext) -> ArrayDataset:
    """A dataset of arrays as a file holds them.

    Args:
        x: Inputs (N, …); (N, H, W) is taken for images and gets a channel axis.
        y: Labels (N,) or (N, …), or None.
        sample_weight: (N,), or None.
        context: Says the class mode and the known classes.

    Raises:
        DataError: The arrays do not hold what they should, or differ in length.
    """
    given = [part for part in (x, y, sample_weight) if part is not None]
    length = check_lengths({part.name: part.array for part in given})
    check_input_shape(x.array, x.name)
    keeps = context.on_bad_row != "error"
    numbers, bad = zeros_for_bad_rows(x.array, x.name) if keeps else (as_inputs(x.array, x.name), {})
    inputs = as_images(numbers)
    targets = no_targets(context.class_mode)
    if y is not None:
        targets = from_numbers(y.array, context.class_mode, context.class_names, y.name, numbered=context.numbered_labels)
    dataset = ArrayDataset(
        inputs,
        targets.all((inputs,)),
        None if sample_weight is None else as_weights(sample_weight.array, sample_weight.name, length),
        class_names=targets.class_names,
        labels=targets.labels,
        describe=f"{x.name}[{{}}]".format,
    )
    dataset.bad_rows = bad
    return dataset
