"""`cache: features`: what a frozen front gives for each sample is computed once, and learnt from instead of the samples."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.cache import cache_folder
from fittool.data.dataset import Dataset, Samples, Shape, Subset
from fittool.engines.base import WEIGHTS, Engine
from fittool.engines.registry import create_engine
from fittool.engines.settings import EngineSetting
from fittool.errors import DataError, FittoolError
from fittool.nn.graph import Graph
from fittool.runs.files.atomic import atomic_write, make_folder
from fittool.runs.files.json_text import to_json
from fittool.settings import plain

_AT_ONCE = 32


class FeatureDataset(Subset):
    """Samples whose inputs are what a layer gives for them; empty until `fill`.

    Args:
        dataset: The samples.
        name: What the input is called.
        shape: Of the layer's output, without the batch axis.
    """

    def __init__(self, dataset: Dataset, name: str, shape: Shape) -> None:
        super().__init__(dataset, np.arange(len(dataset)))
        self._shapes = {name: shape}
        self._arrays: list[NDArray[Any]] = []
        self._weight: NDArray[Any] | None = None

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """That of the features."""
        return self._shapes

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The features at (N,) indices, with targets and weights as they are."""
        features, *targets = self._arrays
        weight = None if self._weight is None else self._weight[indices]
        return (features[indices],), tuple(target[indices] for target in targets), weight

    def fill(self, front: Engine, key: str) -> None:
        """Compute the features, or take those of an earlier time.

        Args:
            front: Gives them for inputs (N, …).
            key: Tells layers and weights from others.

        Raises:
            DataError: A sample cannot be read.
        """
        file = _file_of(self.dataset, key)
        if (kept := _read(file, len(self))) is not None:
            *self._arrays, weight = kept
        else:
            *self._arrays, weight = self._computed(front)
            _keep(file, [*self._arrays, weight])
        self._weight = weight if weight.size else None

    def _computed(self, front: Engine) -> list[NDArray[Any]]:
        """The features, the targets and the weights of all samples, (N, …) each; no weights are (0,)."""
        parts: list[list[NDArray[Any]]] = []
        for start in range(0, len(self), _AT_ONCE):
            inputs, targets, weight = self.dataset.load(np.arange(start, min(start + _AT_ONCE, len(self))))
            if targets is inputs:
                raise DataError("data.cache: features has no place where the inputs are the targets (class_mode: input).")
            (features,) = front.predict_step(inputs)
            parts.append([features, *map(np.asarray, targets), np.empty(0) if weight is None else np.asarray(weight)])
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


class FeatureCache:
    """The features of the data of one stage.

    Args:
        graph: The network.
        cut: The layer whose output stands for the inputs.
        setting: What computes.
        train: The samples to train on.
        validation: Those to validate on, or None.
    """

    def __init__(self, graph: Graph, cut: str, setting: EngineSetting, train: Dataset, validation: Dataset | None) -> None:
        self.cut, self._setting = cut, setting
        nodes = _before(graph, cut)
        self._front = replace(graph, nodes=nodes, outputs=(cut,))
        shape = next(node.output_shape for node in nodes if node.name == cut)
        self.train = FeatureDataset(train, f"{cut} features", shape)
        self.validation = None if validation is None else FeatureDataset(validation, f"{cut} features", shape)

    def fill(self, engine: Engine) -> None:
        """Compute the features with the weights that an engine has now."""
        held = engine.state(WEIGHTS)
        weights = {name: held[f"weights/{name}"] for name, _ in self._front.weights()}
        front = create_engine(self._setting, self._front, weights=weights)
        try:
            key = self._key(weights)
            for data in (self.train, self.validation):
                if data is not None:
                    data.fill(front, key)
        finally:
            front.close()

    def _key(self, weights: dict[str, NDArray[Any]]) -> str:
        """A hash of layers and weights: what else there is to know of features than the samples."""
        digest = hashlib.sha256(to_json([plain(node.layer) for node in self._front.nodes]))
        for name, array in weights.items():
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _before(graph: Graph, cut: str) -> tuple[Any, ...]:
    """The nodes that a layer stands on, itself the last."""
    wanted = {cut}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
            wanted.add(node.owner)
    return tuple(node for node in graph.nodes if node.name in wanted)


def _file_of(dataset: Dataset, key: str) -> Path:
    name = hashlib.sha256(f"{key} {dataset.fingerprint()}".encode()).hexdigest()
    return cache_folder() / "features" / f"{name}.npz"


def _read(file: Path, samples: int) -> list[NDArray[Any]] | None:
    """The arrays of an earlier time; None where there are none, or not whole."""
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), file.open("rb") as opened:
        with np.load(opened, allow_pickle=False) as kept:
            arrays = [kept[name] for name in sorted(kept.files)]
        if all(len(array) == samples for array in arrays[:-1]):
            return arrays
    return None


def _keep(file: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """Keep arrays for a later time, where that can be: without them they are computed anew."""
    content = io.BytesIO()
    np.savez(content, **{f"a{number:03}": array for number, array in enumerate(arrays)})  # type: ignore[arg-type]
    with suppress(OSError, RuntimeError, FittoolError):
        make_folder(file.parent)
        atomic_write(file, [content.getbuffer()])
