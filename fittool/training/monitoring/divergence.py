"""Finding out that a training has diverged: after each step, and before each save; and what the log says of other faults.

Most faults of arithmetic beside the loss have no consequence, so the terminal stays quiet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.snapshot import Position
from fittool.errors import DivergedError

if TYPE_CHECKING:
    from fittool.engines.base import Engine


_NO_CHECKPOINT = "No checkpoint was saved before."
Tensors = Mapping[str, NDArray[np.generic]]


class DivergenceWatch:
    """Ends a training whose numbers are not finite any more.

    Args:
        engine: It keeps the number of the first step whose loss was not finite.
        contents: Names the samples of the batch of an absolute step (from 0).
        active: Whether divergence ends the training; otherwise nothing is looked at.
    """

    def __init__(self, engine: Engine, contents: Callable[[int], str], active: bool) -> None:
        self._engine, self._contents, self.active = engine, contents, active
        self._last_good = _NO_CHECKPOINT

    def check(self, position: Position) -> None:
        """Look at the losses.

        Raises:
            DivergedError: The loss of a training step was not finite; the text names step, samples, last loss and largest weight.
        """
        health = self._engine.health
        if not self.active or health.first_bad_step is None:
            return
        late = self._engine.iterations - health.first_bad_step
        what = "infinite" if math.isinf(self._engine.metrics().get("loss", math.nan)) else "NaN"
        last = "" if health.last_finite_loss is None else f" (last finite: {health.last_finite_loss:.2g})"
        where = f"epoch {position.epoch + 1}, step {position.step_in_epoch - late}"
        batch = self._contents(position.step - 1 - late)
        self._raise(f"loss became {what} at {where}{last}, with {batch}.", _largest(self._engine.state()))

    def check_tensors(self, tensors: Tensors, position: Position) -> None:
        """Look for weights and arrays of the optimizer that are not finite, which must not be saved as good ones.

        Raises:
            DivergedError: Names the first such array.
        """
        for name, array in _floating(tensors, ("weights/", "optimizer/")) if self.active else ():
            if not np.isfinite(array).all():
                self._raise(f"{name.removeprefix('weights/')} is not finite {_where(position)}.")

    def saved(self, position: Position) -> None:
        """Remember the last good checkpoint, for the message."""
        self._last_good = f"The last good checkpoint is from {_where(position).removeprefix('at ').removeprefix('after ')}."

    def _raise(self, *what: str) -> None:
        mend = f"Try a smaller learning rate (now {self._engine.learning_rate:g}) or clipnorm: 1."
        raise DivergedError(" ".join([*filter(None, what), self._last_good, mend]))


def _where(position: Position) -> str:
    if position.step_in_epoch:
        return f"at epoch {position.epoch + 1}, step {position.step_in_epoch}"
    return f"after epoch {position.epoch}"


def _largest(tensors: Tensors) -> str:
    """The weights that have grown most; a place to look for the cause."""
    weights = _floating(tensors, ("weights/",))
    sizes = {name.removeprefix("weights/"): float(np.abs(array).max(initial=0)) for name, array in weights}
    bad = [name for name, size in sizes.items() if not math.isfinite(size)]
    if bad:
        return f"Not finite: {bad[0]}."
    return f"Largest weight: {max(sizes, key=sizes.__getitem__)}, {max(sizes.values()):.2g}." if sizes else ""


def _floating(tensors: Tensors, kinds: tuple[str, ...]) -> Iterator[tuple[str, NDArray[np.floating[Any]]]]:
    for name, array in tensors.items():
        if name.startswith(kinds) and np.issubdtype(array.dtype, np.floating):
            yield name, cast("NDArray[np.floating[Any]]", array)


class FloatingPointWarnings:
    """Counts what is new in each epoch.

    Args:
        engine: It counts faults from its beginning on.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told: Counter[str] = Counter()

    def of_epoch(self, epoch: int) -> Iterator[str]:
        """A line for the log, such as `Arithmetic of epoch 3: 2 times overflow.`, if there were faults since the last call."""
        faults = self._engine.health.faults.copy()
        new = faults - self._told
        self._told = faults
        if new:
            told = ", ".join(f"{number:,} times {fault}" for fault, number in sorted(new.items()))
            yield f"Arithmetic of epoch {epoch}: {told}."
