"""Brings other data to the scale of those that a network has learnt from, where that is certain.

A photograph has pixels from 0 to 255; a network that learnt from the same pictures divided by 255 takes it for white all over,
and says so with great confidence. So the range that was learnt from is held against the range of what comes later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.dataset import Dataset, Samples, Subset
from fittool.data.input_facts import InputFacts, facts_of
from fittool.errors import DataError

Scale: TypeAlias = tuple[float, float]
"""The values that are black and white."""

_EIGHT_BITS: Scale = (0.0, 255.0)
_SIXTEEN_BITS: Scale = (0.0, 65535.0)
_UNIT: Scale = (0.0, 1.0)
_SIGNED: Scale = (-1.0, 1.0)
_FAR = 8.0
"""So many times as large as anything that was learnt from is another scale."""
_MANY = 32.0
"""Fractions up to this share of white are no grey levels."""


@dataclass(frozen=True)
class Brought:
    """Data on the scale that was learnt from.

    Attributes:
        data: The samples.
        told: What a user should know.
    """

    data: Dataset
    told: tuple[str, ...] = ()


def brought_to(learnt: Sequence[InputFacts], data: Dataset) -> Brought:
    """Bring data to the scale of those that were learnt from.

    Args:
        learnt: What each input was like.
        data: With inputs of the same shapes.

    Raises:
        DataError: Their scale is another one, and how to bring them to it is not certain.
    """
    if [fact.shape for fact in learnt] != [tuple(shape) for shape in data.input_shapes.values()]:
        return Brought(data)  # shapes are told by those who compare them
    unknown = any(fact.is_image and fact.whole and _scale_learnt(fact) in (None, _UNIT) for fact in learnt)
    facts = zip(learnt, facts_of(data, decode=unknown), strict=True)
    answers = [None if data.feature_names and not was.is_image else _answer(was, now) for was, now in facts]
    scales = [answer if isinstance(answer, tuple) else None for answer in answers]
    told = [_tell(answer) for answer in answers if answer is not None]
    return Brought(Rescaled(data, scales) if any(scales) else data, tuple(told))


def _tell(answer: tuple[Scale, Scale] | str) -> str:
    if isinstance(answer, str):
        return answer
    given, wanted = (f"{scale[0]:g} to {scale[1]:g}" for scale in answer)
    return f"Pixels from {given} are brought to {wanted}, as the network has learnt them."


class Rescaled(Subset):
    """A dataset with inputs on other scales.

    Args:
        dataset: The samples as they are read.
        scales: For each input from which scale to which, or None.
    """

    def __init__(self, dataset: Dataset, scales: Sequence[tuple[Scale, Scale] | None]) -> None:
        super().__init__(dataset, np.arange(len(dataset)))
        self._scales = list(scales)

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices, rescaled inputs float32; targets that are the inputs stay so."""
        inputs, targets, weight = self.dataset.load(indices)
        rescaled = tuple(
            array if scale is None else rescale(array, *scale) for array, scale in zip(inputs, self._scales, strict=True)
        )
        return rescaled, rescaled if targets is inputs else targets, weight

    def fingerprint(self) -> str:
        """Of the samples as they are read, and of the scales."""
        return hashlib.sha256(f"{self.dataset.fingerprint()}{self._scales}".encode()).hexdigest()


def rescale(array: Array, given: Scale, wanted: Scale) -> Array:
    """Values (N, …) of one scale on another, float32 (N, …); those of pixels are the same as of `array / 255`."""
    if array.dtype == np.uint8:
        # Pixels of 8 bits have 256 values, so a table of these gives the same numbers with 256 divisions.
        return _rescale(np.arange(256, dtype=np.float64), given, wanted).take(array.view(np.uint8))
    return _rescale(array.astype(np.float64), given, wanted)


def _rescale(values: NDArray[np.float64], given: Scale, wanted: Scale) -> NDArray[np.float32]:
    span = (given[1] - given[0]) / (wanted[1] - wanted[0])  # to divide by 255 or 127.5 rounds as users' own scripts do
    return ((values - given[0]) / span + wanted[0]).astype(np.float32)


def _answer(was: InputFacts, now: InputFacts) -> tuple[Scale, Scale] | str | None:
    """From which scale to which, or a warning, or None: as they are.

    Raises:
        DataError: Another scale, and none that is certain.
    """
    if not was.is_image:
        return _doubt(was, now) if _is_larger(was, now) or _is_share(was, now) else None
    learnt, given = _scale_learnt(was), _scale_given(now)
    if learnt is not None and given is not None:
        if learnt == _SIGNED and given == _UNIT:
            return _doubt(was, now)  # bright pictures lie there too
        return None if learnt == given else (given, learnt)
    if _fits(was, now):
        return None
    if _may_be_meant(was, now):
        return _doubt(was, now)
    raise DataError(_not_certain(was, now))


def _scale_learnt(facts: InputFacts) -> Scale | None:
    """The scale of all pixels that were learnt from, where their range tells it."""
    if facts.origin == "files":
        return _EIGHT_BITS
    if facts.lowest < 0:
        return _SIGNED if -1 <= facts.lowest <= -0.99 and 0.99 <= facts.highest <= 1 else None
    scale = next((scale for scale in (_UNIT, _EIGHT_BITS, _SIXTEEN_BITS) if facts.highest <= scale[1]), None)
    if scale is None or facts.highest <= (0.25 if scale == _UNIT else 0.5) * scale[1]:
        return None
    return scale if facts.whole or scale != _SIXTEEN_BITS else None


def _scale_given(facts: InputFacts) -> Scale | None:
    """The scale of what may be a single dark picture."""
    if _is_binary(facts):
        return None
    if facts.origin == "files" or facts.dtype == "uint8":
        return _EIGHT_BITS
    return _UNIT if facts.lowest >= 0 and facts.highest <= 1 else _scale_learnt(facts)


def _fits(was: InputFacts, now: InputFacts) -> bool:
    """True where values lie where those that were learnt from lay, and are of the same kind: grey levels, or shares of white."""
    if now.lowest == now.highest == 0 and was.lowest == 0:
        return True
    levels = now.origin == "files" or now.dtype == "uint8"
    if (levels and (was.lowest < 0 or not was.whole)) or _is_share(was, now):
        return False
    margin = 0.05 * (was.highest - was.lowest)
    return was.lowest - margin <= now.lowest and now.highest <= was.highest + margin


def _may_be_meant(was: InputFacts, now: InputFacts) -> bool:
    """True where values beyond those that were learnt from may be on the same scale all the same."""
    if _is_share(was, now) or (was.lowest >= 0 > now.lowest):
        return False
    if now.origin == "files" or now.dtype == "uint8":
        return was.whole and was.lowest >= 0 and was.highest > _EIGHT_BITS[1] / _FAR
    return not _is_larger(was, now, 2 if _scale_learnt(was) else _FAR)


def _is_share(was: InputFacts, now: InputFacts) -> bool:
    """True where grey levels, of which there are many, are followed by small fractions."""
    largest = max(abs(now.lowest), abs(now.highest))
    few = 0 < largest <= 1 or (not now.whole and largest <= was.highest / _MANY)
    return was.whole and was.highest > _FAR and few


def _is_binary(facts: InputFacts) -> bool:
    return facts.whole and facts.lowest >= 0 and facts.highest <= 1


def _is_larger(was: InputFacts, now: InputFacts, times: float = _FAR) -> bool:
    return max(abs(now.lowest), abs(now.highest)) > times * max(abs(was.lowest), abs(was.highest))


def _doubt(was: InputFacts, now: InputFacts) -> str:
    return f"The values reach from {now.range}, but the network has learnt from {was.range}. Are they on the same scale?"


def _not_certain(was: InputFacts, now: InputFacts) -> str:
    what = "Image files have pixels" if now.origin == "files" else "These arrays hold values"
    source = "image files, with" if was.origin == "files" else "arrays with"
    found = f"{what} from {now.range}, but the network has learnt from {source} {was.range}"
    mend = "Prepare them as the training data were, and save them as an npz file."
    return f"{found}, and how to bring the ones to the others is not certain. {mend}"
