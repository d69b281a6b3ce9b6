"""Numbers to predict that are far from 1, or differ by far in size, and are learnt as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fittool.config.experiment_file import LoadedExperiment
from fittool.config.target_checks import SCALABLE
from fittool.data.dataset import Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.target_scales import held_targets, names_of_table
from fittool.model.checks.findings import Finding, Output
from fittool.nn.output_targets import MOST_NAMED, OutputTargets

_FAR, _NEAR, _APART = 10.0, 0.05, 10.0
"""A size above and one below which targets are far from 1, and the ratio of two sizes that are far from each other."""
_MEND = "Add target: {scale: standard} to data; metrics and predictions stay in the targets' own unit."


def target_findings(loaded: LoadedExperiment, outputs: Sequence[Output], train: Dataset | GeneratorData) -> Iterator[Finding]:
    """A warning where a network would have to learn the size of its targets first, or only the largest of them.

    Nothing is said where `data.target` is written: then it was thought of.
    """
    data = loaded.experiment.data
    numbers = [output for output in outputs if isinstance(output.loss, SCALABLE) and output.activation == "linear"]
    if data.target is not None or data.class_mode == "input" or isinstance(train, GeneratorData) or not numbers:
        return
    names, held = names_of_table(train), dict(zip((output.name for output in outputs), held_targets(train), strict=False))
    for output in numbers:
        targets = held[output.name].reshape(-1, output.shape[-1]).astype(np.float64)
        called = names if output.is_only and len(names) == output.shape[-1] else ()
        if text := _text(targets, called):
            yield Finding(text, ("data",))


def _text(targets: NDArray[np.float64], names: Sequence[str]) -> str:
    """The warning about (N, K) targets, or ""."""
    sizes = np.sqrt((targets**2).mean(axis=0))
    spread = targets.std(axis=0)
    if not spread.all():  # there is nothing to learn in one, which no scale mends
        sizes, spread = sizes[spread > 0], spread[spread > 0]
    if not len(spread) or len(spread) > MOST_NAMED:
        return ""
    if spread.max() > _APART * spread.min():
        small, large = int(spread.argmin()), int(spread.argmax())
        which = f" ({names[small]} and {names[large]})" if len(names) == len(spread) else ""
        found = f"The targets are of very different size{which}: they spread by {spread[small]:.3g} and {spread[large]:.3g}"
        return f"{found}, so that the loss hardly sees the smaller one. {_MEND}"
    if sizes.max() > _FAR or spread.max() < _NEAR:
        found = f"The targets reach from {targets.min():.4g} to {targets.max():.4g}; networks learn best near 1."
        return f"{found} {_MEND}"
    return ""


def scale_targets(output: Output, numbers: Mapping[str, OutputTargets]) -> Output:
    """The output with the range of its targets as its last layer is to give them."""
    scale = numbers[output.name].scale if output.name in numbers else None
    if scale is None:
        return output
    ends = np.array([[output.targets.lowest], [output.targets.highest]])
    scaled = scale.scale(ends)  # each end on the scale of each target: the widest range that there may be
    return replace(output, targets=replace(output.targets, lowest=float(scaled.min()), highest=float(scaled.max())))
