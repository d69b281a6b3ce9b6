"""Training samples as they come to a network: resized, augmented, encoded, and what its own first layers make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.building.data import Data
from fittool.experiment.building.transforms import preprocessing_of
from fittool.experiment.preview import Views
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.graph import Graph
from fittool.nn.layers import Normalization, Rescaling, RobustScaling, Standardization
from fittool.report.pages.contents import Seen

_ROWS, _VIEWS, _ALONE, _MOST_NUMBERS = 5, 4, 12, 40
_IMAGE_AXES = 3
_SCALING = (Rescaling, Normalization, Standardization, RobustScaling)


def seen_of(run: TrainedRun, train: Data) -> Seen | None:
    """The first samples of the first epoch, as further epochs change them too; None for batches of code and other shapes.

    Args:
        run: The run.
        train: The samples that it was trained with.

    Raises:
        DataError, UserCodeError: A sample cannot be read, or the user's function fails.
    """
    if isinstance(train, GeneratorData):
        return None
    shape = next(iter(train.input_shapes.values()))
    if len(shape) == _IMAGE_AXES:
        return _pictures(run, train)
    return _rows(run, train) if len(shape) == 1 else None


def _pictures(run: TrainedRun, train: Dataset) -> Seen:
    experiment = run.loaded.experiment
    views = Views(experiment, train, preprocessing_of(run.loaded))
    augmentation = experiment.any_augmentation
    varies = augmentation is not None and replace(augmentation, rescale=None).active
    order = views.pass_of(0)
    chosen = order[: min(_ROWS if varies else _ALONE, len(train))]
    originals = train.load(chosen)[0][0]
    turns = [views.of(turn, chosen)[0] for turn in range(_VIEWS)] if varies else []
    names = [views.label(int(index)) for index in chosen]
    pictures = [(name, [originals[place], *(turn[place] for turn in turns)]) for place, name in enumerate(names)]
    size = f"{originals.shape[1]} × {originals.shape[2]} pixels"
    told = f"Training samples of {size}" + (", at the left as they are, then as the first epochs showed them." if varies else ".")
    return Seen(told, pictures=pictures, scaled=_scaled(run, turns[0] if turns else originals))


def _rows(run: TrainedRun, train: Dataset) -> Seen:
    views = Views(run.loaded.experiment, train, None)
    chosen = views.pass_of(0)[: min(_ROWS, len(train))]
    values = np.asarray(train.load(chosen)[0][0], np.float64)
    names = _names(run, values.shape[1])
    rows = [(name, values[:, place].tolist()) for place, name in enumerate(names[:_MOST_NUMBERS])]
    told = f"Training samples as the {len(names):,} numbers that the network gets"
    told += f"; the first {_MOST_NUMBERS} of them." if len(names) > _MOST_NUMBERS else "."
    return Seen(told, samples=[views.label(int(index)) for index in chosen], rows=rows, scaled=_scaled(run, values))


def _names(run: TrainedRun, count: int) -> list[str]:
    known = run.feature_names or () if run.encoder is None else run.encoder.layout.names
    return list(known) if len(known) == count else [f"input {number}" for number in range(count)]


def _scaled(run: TrainedRun, values: NDArray[Any]) -> str:
    """What the layers at the network's beginning that only scale make of values (N, …)."""
    graph, first, last = run.graph, next(iter(run.graph.inputs)), next(iter(run.graph.inputs))
    nodes = []
    for node in graph.nodes:
        if not isinstance(node.layer, _SCALING) or node.inputs != (last,):
            break
        nodes.append(node)
        last = node.name
    if not nodes:
        return ""
    engine = run.model().network.part(Graph({first: graph.inputs[first]}, tuple(nodes), (last,)))
    try:
        (scaled,) = engine.predict_step((np.asarray(values, np.float32),))
    finally:
        engine.close()
    kinds = " and ".join(dict.fromkeys(node.layer.public_name() for node in nodes))
    return f"The network's {kinds} then makes {_range(np.asarray(scaled))} of {_range(values)}."


def _range(values: NDArray[Any]) -> str:
    return f"{float(np.min(values)):.4g} to {float(np.max(values)):.4g}"
