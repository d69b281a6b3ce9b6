"""Labels that are text: numbered by name as in the experiment file, so that predictions can be mapped back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.targets import ClassMode, as_text, from_names, needs_numbers
from fittool.errors import DataError, ExperimentError
from fittool.nn.losses import Loss

CLASS_MODES: dict[str, ClassMode] = {"class numbers": "sparse", "one-hot": "categorical", "probabilities": "binary"}
"""The form in which a loss wants classes, by what it expects."""


def text_labels(value: Any) -> NDArray[np.str_] | None:
    """(N,) the labels, if they are text: a list, an array or a column of it; also as (N, 1).

    Raises:
        DataError: Some are text, and others are not.
    """
    if value is None or isinstance(value, Mapping):
        return None
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", "O") not in "OUS":
        return None
    if isinstance(value, list | tuple) and not (value and all(isinstance(one, str | bytes | np.str_) for one in value[:1])):
        return None
    array = np.asarray(value)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or array.dtype.kind not in "OUS":
        return None
    if array.dtype.kind == "O":
        wrong = [index for index, one in enumerate(array) if not isinstance(one, str)]
        # Objects none of which is text may still be numbers, which is for others to say.
        if len(wrong) == len(array):
            return None
        if wrong:
            raise DataError(
                f"y[{wrong[0]}] is {array[wrong[0]]!r}, but other labels are text. Drop the sample, or name its class."
            )
        array = array.astype(np.str_)
    return as_text(array, "y[{}]".format)


def numbered(
    texts: NDArray[np.str_], loss: Loss | None, known: tuple[str, ...] | None, what: str
) -> tuple[Array, tuple[str, ...]]:
    """Labels in the form that the loss wants, and the name of each class number.

    Args:
        texts: (N,) the class name of each sample.
        loss: What the model is trained with.
        known: The classes that the model has already; None: the sorted names are the classes.
        what: What the labels are called in messages.

    Returns:
        (N,) class numbers, (N, classes) one-hot rows or (N, 1) zeros and ones; the names.

    Raises:
        DataError: A class is not known, or there are not two for a loss of yes-or-no answers.
        ExperimentError: The loss takes numbers.
    """
    mode = None if loss is None else CLASS_MODES.get(loss.expects)
    if mode is None:
        raise ExperimentError(needs_numbers(f"{what}[0]", str(texts[0])))
    targets = from_names(texts.tolist(), mode, known, f"{what}[{{}}]".format, what)
    (values,) = targets.all(())
    return values, targets.class_names or ()
