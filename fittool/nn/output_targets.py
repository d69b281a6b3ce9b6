"""The targets of an output: what the numbers to predict are called, the scale on which they are learnt, the names of classes.

A loss compares targets and outputs on that scale. Everything that people see is in the targets' own unit: an engine undoes
the scale in the outputs that it gives, and before it measures metrics. The scale is learnt once, from the samples that are
trained on, and goes with the network from then on: into checkpoints, saved models and predictions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ScaleKind = Literal["standard", "log"]
MOST_NAMED = 20
"""With more targets than this, a metric is told as the mean over all of them only."""
LARGEST_LOG = 88.0
"""Its exponential is still a float32; a network that has learnt nothing yet may give more."""


class TargetsError(ValueError):
    """What is told of the targets of a network is not what fittool wrote."""


@dataclass(frozen=True)
class TargetScale:
    """The scale of the targets of one output, by the last axis of that output.

    `standard` is `(y - center) / spread`, where the center is the mean and the spread the standard deviation of the targets
    that are learnt from; 1 where they are all the same. `log` is the same for `log(1 + y)` in place of y.

    Attributes:
        kind: Which of the two.
        center: The K means.
        spread: The K standard deviations.
    """

    kind: ScaleKind
    center: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def learn(cls, kind: ScaleKind, targets: NDArray[Any], size: int) -> TargetScale:
        """The scale of some targets.

        Args:
            kind: Which one.
            targets: (N, …) those that are learnt from; for `log` of at least 0.
            size: K, the size of the output's last axis.
        """
        values = targets.reshape(-1, size).astype(np.float64)
        values = np.log1p(values) if kind == "log" else values
        # Rounding would leave equal numbers with a tiny spread, by which nothing must be divided.
        spread = np.where(values.max(axis=0) == values.min(axis=0), 1.0, values.std(axis=0))
        return cls(kind, tuple(values.mean(axis=0).tolist()), tuple(spread.tolist()))

    def scale(self, targets: Any, library: Any = np, array: Callable[[tuple[float, ...]], Any] = np.asarray) -> Any:
        """Targets as the loss sees them.

        Args:
            targets: (N, …, K) in their own unit, as an array of `library`.
            library: NumPy, or what has its functions.
            array: Makes a float64 array of `library`, (K,), of K numbers.

        Returns:
            The same shape.
        """
        values = library.log1p(targets) if self.kind == "log" else targets
        return (values - array(self.center)) / array(self.spread)

    def undo(self, outputs: Any, library: Any = np, array: Callable[[tuple[float, ...]], Any] = np.asarray) -> Any:
        """Outputs in the targets' own unit: the inverse of `scale`, with its arguments."""
        values = outputs * array(self.spread) + array(self.center)
        return library.expm1(library.clip(values, -LARGEST_LOG, LARGEST_LOG)) if self.kind == "log" else values

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"scale": self.kind, "center": list(self.center), "spread": list(self.spread)}


@dataclass(frozen=True)
class OutputTargets:
    """The targets of one output.

    Attributes:
        names: What each of the numbers to predict is called; none where they have no names, or no metric is wanted for each.
        scale: The scale on which they are learnt; None: as they are.
        classes: The names of the classes, of one of several outputs that tells classes apart; those of an only one are kept
            with the network.
    """

    names: tuple[str, ...] = ()
    scale: TargetScale | None = None
    classes: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        classes = {"classes": list(self.classes)} if self.classes else {}
        return {"names": list(self.names)} | classes | ({} if self.scale is None else self.scale.plain())


def plain_targets(targets: Mapping[str, OutputTargets]) -> dict[str, Any]:
    """The numbers to predict by the outputs' names, as plain data; outputs about which there is nothing to say are left out."""
    return {name: one.plain() for name, one in targets.items() if one != OutputTargets()}


def targets_from(data: Any, sizes: Mapping[str, int]) -> dict[str, OutputTargets]:
    """The numbers to predict that `plain_targets` describes.

    Args:
        data: By the outputs' names.
        sizes: The size of each output's last axis.

    Raises:
        TargetsError: It is something else, or does not fit the outputs.
    """
    if not isinstance(data, Mapping):
        raise TargetsError("its targets are not what fittool wrote")
    return {str(name): _from_plain(one, sizes.get(name)) for name, one in data.items()}


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TargetsError("the targets of an output are not what fittool wrote")
    return tuple(value)


def _from_plain(data: Any, size: int | None) -> OutputTargets:
    if not isinstance(data, Mapping):
        raise TargetsError("the targets of an output are not what fittool wrote")
    kind, names, classes = data.get("scale"), _texts(data.get("names", [])), _texts(data.get("classes", []))
    if kind is None:
        return OutputTargets(names, classes=classes)
    center, spread = (tuple(value) if isinstance(value := data.get(key), list) else () for key in ("center", "spread"))
    fits = kind in ("standard", "log") and len(center) == len(spread) == size
    if not fits or not all(_is_finite(value) for value in (*center, *spread)) or not all(value > 0 for value in spread):
        raise TargetsError("the scale of an output's targets is not what fittool wrote")
    return OutputTargets(names, TargetScale(kind, center, spread))


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
