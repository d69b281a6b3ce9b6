"""Writes the files of an export: the network in another tool's format, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.errors import UsageError, shown
from fittool.exchange.onnx_format.answers import GraphOutput
from fittool.exchange.onnx_format.model import OnnxModel, need_onnx, write_onnx
from fittool.exchange.onnx_format.readme import readme
from fittool.exchange.onnx_format.verify import samples_path
from fittool.exchange.samples_file import SampleSet
from fittool.exchange.trained_network import TrainedNetwork
from fittool.experiment.answers.decisions import decide
from fittool.experiment.answers.decoding import Answers
from fittool.experiment.exporting.network import network_of
from fittool.experiment.exporting.samples import Drawn, draw_samples
from fittool.experiment.trained_run import TrainedRun
from fittool.runs.files.atomic import atomic_write

Format = Literal["onnx", "keras", "torch", "safetensors"]


@dataclass(frozen=True)
class Exported:
    """An export that is still in memory.

    Attributes:
        files: The content of each file, by its path; the first is the network.
        told: Lines for people.
        warnings: Sentences about what is not as it might be.
    """

    files: Mapping[Path, bytes]
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def write(self, *, force: bool) -> list[str]:
        """Write all files; returns warnings of the disk.

        Args:
            force: Whether files that are there are replaced.

        Raises:
            UsageError: One is there.
            StorageError: One cannot be written.
        """
        refuse_existing(self.files, force=force)
        found = [atomic_write(path, [content]) for path, content in self.files.items()]
        return [warning for warning in found if warning is not None]


def refuse_existing(paths: Mapping[Path, Any] | list[Path], *, force: bool) -> None:
    """Refuse to replace files.

    Raises:
        UsageError: One is there, and `force` is not given.
    """
    there = [path for path in paths if path.exists()]
    if there and not force:
        raise UsageError(f"{shown(there[0])} is there already. Choose another --out, or replace it with --force.")


def files_of(format_: Format, out: Path) -> list[Path]:
    """The files that an export writes."""
    if format_ == "onnx":
        return [out, samples_path(out), out.with_suffix(".README.md")]
    return [out, out.with_suffix(".py")] if format_ == "torch" else [out]


def export_onnx(run: TrainedRun, out: Path, *, fold: bool = False, accept_changes: bool = False) -> Exported:
    """A run as ONNX, with samples and a README beside it.

    Args:
        run: The run with the checkpoint to use.
        out: The file.
        fold: Whether batch normalizations go into the layers before them.
        accept_changes: Whether samples are taken of data that are no longer those trained with.

    Raises:
        ExportError: ONNX cannot express a layer or a column.
        MachineError: The extra is missing.
    """
    need_onnx()
    said: list[str] = []
    drawn = draw_samples(run, accept_changes=accept_changes, warn=said.append)
    network, answers = read_network(run, drawn)
    model = write_onnx(network, fold=fold)
    samples = SampleSet(_inputs(model, drawn), _expected(model.outputs, answers))
    file, beside, about = files_of("onnx", out)
    files = {
        file: model.content,
        beside: samples.encode(),
        about: readme(model, network, file.name, beside.name).encode(),
    }
    return Exported(files, (_in_words(model, out),), tuple(said))


def read_network(run: TrainedRun, drawn: Drawn) -> tuple[TrainedNetwork, Answers]:
    """The network of a run, and what it answers for some samples."""
    model = run.model()
    engine = model.network.for_predictions()
    outputs = {name: np.array(one) for name, one in zip(run.graph.outputs, engine.predict_step(drawn.arrays), strict=True)}
    model.network.close()
    return network_of(run, outputs), decide(run, outputs)


def _inputs(model: OnnxModel, drawn: Drawn) -> dict[str, NDArray[Any]]:
    arrays = drawn.arrays[:-1] if drawn.columns else drawn.arrays
    given: list[NDArray[Any]] = [*arrays, *drawn.columns.values()]
    return {
        one.name: array if array.dtype == object else array.astype(one.dtype)
        for one, array in zip(model.inputs, given, strict=True)
    }


def _expected(outputs: tuple[GraphOutput, ...], answers: Answers) -> dict[str, NDArray[Any]]:
    """What `predict` says, in the order of the graph's outputs."""
    found: list[NDArray[Any]] = []
    alone = len(answers.outputs) == 1
    for name, array in answers.outputs.items():
        found.append(array)
        names = answers.names if alone else answers.classes.get(name)
        kind = answers.kind if alone else "classes"
        if names is None or kind == "numbers":
            continue
        decided = answers.decided if alone else array.argmax(axis=1)
        found.append(decided if kind == "labels" else np.array(names, object)[decided])
        if alone and kind == "classes" and answers.thresholds is not None and len(names) == 2:
            found.append(decided == 1)
    return {one.name: array for one, array in zip(outputs, found, strict=True)}


def _in_words(model: OnnxModel, out: Path) -> str:
    """`photos.onnx: takes uint8 images (N, 64, 64, 3); gives probabilities (N, 3) and prediction. 1.1 MB`."""
    columns = [one for one in model.inputs if one.kind not in ("image", "array", "whole numbers")]
    taken = [f"{one.dtype} {one.name} {_shape(one.shape)}" for one in model.inputs if one not in columns]
    taken += [f"{len(columns)} columns of a table"] if columns else []
    given = [f"{one.name} {_shape(one.shape)}" for one in model.outputs]
    size = len(model.content)
    amount = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
    return f"{shown(out)}: takes {' and '.join(taken)}; gives {', '.join(given)}. {amount}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, shape)])}{',' * (not shape)})"
