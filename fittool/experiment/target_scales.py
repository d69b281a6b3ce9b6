"""The numbers that an experiment is to predict: their names, and the scale that is learnt from the training part alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.batch import Array
from fittool.data.dataset import Dataset, Subset
from fittool.data.formats.reading import Reading, few
from fittool.data.targets import Targets
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, ExperimentError
from fittool.experiment.building.data import classes_of
from fittool.nn.graph import Graph
from fittool.nn.output_targets import MOST_NAMED, OutputTargets, TargetScale

_PIECE = 256


def held_targets(data: Dataset) -> tuple[Array, ...]:
    """The targets of all samples, one (N, …) for each output; none where samples have none.

    Those in memory are taken as they lie there; of others every sample is loaded.
    """
    whole: Any = data
    within: NDArray[np.int64] | None = None
    while isinstance(whole, Subset):
        within, whole = whole.indices if within is None else whole.indices[within], whole.dataset
    held = getattr(whole, "targets", None)
    if isinstance(held, Targets):
        held = None if held.class_mode == "input" else held.all(())
    if isinstance(held, tuple):
        return tuple(array if within is None else array.take(within, axis=0) for array in held)
    pieces = [data.load(np.arange(start, min(start + _PIECE, len(data)))) for start in range(0, len(data), _PIECE)]
    return tuple(np.concatenate(arrays) for arrays in zip(*(piece[1] for piece in pieces), strict=True))


def output_targets(
    loaded: LoadedExperiment,
    graph: Graph,
    train: Dataset | GeneratorData,
    known: Mapping[str, OutputTargets] | None = None,
) -> dict[str, OutputTargets]:
    """Names and scale of the numbers to predict, by the outputs' names; of several outputs the names of classes, too.

    Args:
        loaded: The experiment.
        graph: Its network.
        train: The samples that are trained on.
        known: What the run has learnt already, whose scales are kept as long as `data.target` asks for the same.

    Raises:
        ExperimentError: A scale is asked for, but the samples cannot be counted.
        DataError: `log` is asked for, and a target is below 0.
    """
    classes = dict(zip(graph.outputs, classes_of(train), strict=False))
    found = {name: OutputTargets(classes=names) for name, names in classes.items() if names is not None}
    return found | _numbers(loaded, graph, train, known)


def _numbers(
    loaded: LoadedExperiment, graph: Graph, train: Dataset | GeneratorData, known: Mapping[str, OutputTargets] | None
) -> dict[str, OutputTargets]:
    """Those of the outputs that give numbers; arguments and errors as for `output_targets`."""
    objectives = loaded.experiment.compile.objectives(graph.outputs)
    numbers = [name for name, one in objectives.items() if one.loss is not None and one.loss.expects == "numbers"]
    if not numbers or loaded.experiment.data.class_mode == "input":
        return {}
    setting = loaded.experiment.data.target
    asked = None if setting is None or setting.scale == "none" else setting.scale
    if asked is not None and isinstance(train, GeneratorData):
        text = f"scale: {asked} is learnt from all samples to train on, which a generator cannot offer. Scale them in your code."
        raise ExperimentError(loaded.problem(text, "data", "target"))
    sizes = {name: graph.output_shapes[name][-1] for name in numbers}
    names = {name: _names(train, graph, sizes[name], numbered=setting is not None) for name in numbers}
    if asked is None:
        return {name: OutputTargets(names[name]) for name in numbers}
    kept = {} if known is None else {name: one.scale for name, one in known.items()}
    arrays = () if isinstance(train, GeneratorData) else held_targets(train)
    found = {}
    for name, targets in zip(graph.outputs, arrays, strict=False):
        if name in sizes:
            scale = kept.get(name)
            if scale is None or scale.kind != asked or len(scale.center) != sizes[name]:
                check_log(loaded, asked, targets, train)
                scale = TargetScale.learn(asked, targets, sizes[name])
            found[name] = OutputTargets(names[name], scale)
    return found


def check_log(loaded: LoadedExperiment, kind: str, targets: Array, data: Any) -> None:
    """Refuse targets (N, …) below 0 where their logarithm is taken.

    Raises:
        DataError: There is one; names its sample.
    """
    below: NDArray[np.bool_] = np.less(targets, 0)
    if kind != "log" or not below.any():
        return
    row = int(np.argwhere(below)[0][0])
    value = float(targets[row].min())
    text = f"{data.describe(row)}: the target is {value:g}, but scale: log takes numbers of at least 0. Use scale: standard."
    raise DataError([loaded.problem(text, "data", "target")])


def check_other_part(loaded: LoadedExperiment, targets: Mapping[str, OutputTargets], graph: Graph, data: Any) -> None:
    """Hold the targets of data that are not learnt from against the scales.

    Raises:
        DataError: A logarithm is taken, and a target is below 0.
    """
    scales = {name: one.scale for name, one in targets.items() if one.scale is not None and one.scale.kind == "log"}
    if not scales or data is None or isinstance(data, GeneratorData):
        return
    for name, array in zip(graph.outputs, held_targets(data), strict=False):
        if name in scales:
            check_log(loaded, "log", array, data)


def _names(train: Dataset | GeneratorData, graph: Graph, size: int, *, numbered: bool) -> tuple[str, ...]:
    """The K targets of an output by their columns in a table; where that is none, as predictions call them, or nothing."""
    if not 1 < size <= MOST_NAMED or len(graph.outputs) > 1:
        return ()
    names = names_of_table(train)
    if len(names) == size:
        return names
    return tuple(f"output_{number}" for number in range(size)) if numbered else ()


def names_of_table(train: Dataset | GeneratorData) -> tuple[str, ...]:
    """The columns of numbers to predict in the table that samples come from; none where they come from none."""
    whole: Any = train
    while isinstance(whole, Subset):
        whole = whole.dataset
    reading: Reading | None = getattr(whole, "reading", None)
    return () if reading is None else reading.targets


def in_words(targets: Mapping[str, OutputTargets], columns: tuple[str, ...] = ()) -> list[str]:
    """A line on how targets are scaled, with mean and deviation of each of the first few; none where they are not.

    Args:
        targets: By the outputs' names.
        columns: The names of the targets in a table, where there is one output.
    """
    scaled = {name: one.scale for name, one in targets.items() if one.scale is not None}
    if not scaled:
        return []
    parts = []
    for name, scale in scaled.items():
        called = columns if len(columns) == len(scale.center) and len(targets) == 1 else ()
        called = called or ((name,) if len(scale.center) == 1 else tuple(f"{name}_{at}" for at in range(len(scale.center))))
        pairs = zip(called, scale.center, scale.spread, strict=True)
        parts += [f"{one} (mean {center:.6g}, deviation {spread:.6g})" for one, center, spread in pairs]
    kind = next(iter(scaled.values())).kind
    of = "the logarithm of 1 + " if kind == "log" else ""
    return [f"scales the targets for the loss: {of}{few(parts)}; metrics and predictions are in the targets' own unit"]
