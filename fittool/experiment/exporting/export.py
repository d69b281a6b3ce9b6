"""Writes the files of an export: the network in another tool's format, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.engines.state import weights_in
from fittool.errors import UsageError, shown
from fittool.exchange.keras_format.model import need_h5py, write_keras
from fittool.exchange.onnx_format.answers import GraphOutput
from fittool.exchange.onnx_format.model import OnnxModel, need_onnx, write_onnx
from fittool.exchange.onnx_format.readme import readme
from fittool.exchange.onnx_format.verify import samples_path
from fittool.exchange.samples_file import SampleSet
from fittool.exchange.temperature import with_temperature
from fittool.exchange.torch_format.model import write_torch
from fittool.exchange.trained_network import TrainedNetwork, as_text
from fittool.experiment.answers.decisions import decide
from fittool.experiment.answers.decoding import Answers
from fittool.experiment.exporting.network import network_of, outputs_of
from fittool.experiment.exporting.samples import Drawn, draw_samples
from fittool.experiment.trained_run import TrainedRun
from fittool.runs.checkpoint import CheckpointFacts, encode_checkpoint
from fittool.runs.files.atomic import atomic_write

Outputs = tuple[NDArray[np.float32], ...]
Average = Callable[[TrainedRun, Sequence[Outputs]], Outputs]
"""The outputs of several runs, (N, …) for each output, as those of one."""
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


def export_onnx(
    runs: Sequence[TrainedRun], out: Path, *, fold: bool = False, accept_changes: bool = False, average: Average | None = None
) -> Exported:
    """A run as ONNX, or the mean of what several answer, with samples and a README beside it.

    Args:
        runs: The run with the checkpoint to use; or several that predict together.
        out: The file.
        fold: Whether batch normalizations go into the layers before them.
        accept_changes: Whether samples are taken of data that are no longer those trained with.
        average: Gives the outputs of several runs together.

    Raises:
        ExportError: ONNX cannot express a layer or a column.
        MachineError: The extra is missing.
    """
    need_onnx()
    said: list[str] = []
    drawn = draw_samples(runs, accept_changes=accept_changes, warn=said.append)
    networks, answers = read_networks(runs, drawn, average)
    model = write_onnx(*networks, fold=fold)
    samples = SampleSet(_inputs(model, drawn), _expected(model.outputs, answers))
    file, beside, about = files_of("onnx", out)
    files = {
        file: model.content,
        beside: samples.encode(),
        about: readme(model, networks[0], file.name, beside.name).encode(),
    }
    return Exported(files, (_in_words(model, out),), tuple(said))


def export_keras(run: TrainedRun, out: Path) -> Exported:
    """A run as a `.keras` file; errors as of `export_onnx`."""
    need_h5py()
    network, said = _as_it_predicts(run)
    content = write_keras(network)
    return Exported({out: content}, (_of_arrays(network, out, len(content)),), said)


def export_torch(run: TrainedRun, out: Path) -> Exported:
    """A run's state dict as safetensors, and beside it the source of the module that loads it; errors as of `export_onnx`."""
    network, said = _as_it_predicts(run)
    file, beside = files_of("torch", out)
    weights, source = write_torch(network, file.name)
    told = f"{_of_arrays(network, out, len(weights))} {shown(beside)} loads it."
    return Exported({file: weights, beside: source}, (told,), said)


def export_weights(run: TrainedRun, out: Path) -> Exported:
    """A run's weights alone, as `<layer>/<weight>` below `weights/`, which fittool reads again: `initial_weights` takes them."""
    facts = run.checkpoint.facts
    weights = weights_in(run.checkpoint.tensors)
    architecture = {key: value for key, value in (facts.architecture or {}).items() if key != "compile"}
    told = CheckpointFacts(
        epoch=facts.epoch, run=facts.run, model=facts.model, class_names=facts.class_names, architecture=architecture
    )
    content = b"".join(bytes(piece) for piece in encode_checkpoint(weights, told))
    amount = sum(array.size for array in weights.values())
    return Exported({out: content}, (f"{shown(out)}: {len(weights):,} arrays, {amount:,} numbers. {_amount(len(content))}",))


def _as_it_predicts(run: TrainedRun) -> tuple[TrainedNetwork, tuple[str, ...]]:
    """The network with what was chosen for its probabilities in its weights, and what stays behind, in sentences."""
    (network,), _ = read_networks([run], draw_samples([run]))
    network, said = with_temperature(network)
    kept = [form for form in network.outputs.values() if form.thresholds]
    told = ("The thresholds stay behind: the file gives probabilities.",) if kept else ()
    return network, (*said, *told)


def read_networks(
    runs: Sequence[TrainedRun], drawn: Drawn, average: Average | None = None
) -> tuple[list[TrainedNetwork], Answers]:
    """The networks of some runs, and what they answer together for some samples.

    Args:
        runs: One, or several that predict together.
        drawn: The samples.
        average: Gives the outputs of several runs together; needed for several.
    """
    first, outputs = runs[0], [outputs_of(run, drawn.inputs_of(run)) for run in runs]
    networks = [network_of(run, found) for run, found in zip(runs, outputs, strict=True)]
    together = outputs[0]
    if average is not None and len(runs) > 1:
        mean = average(first, [tuple(found.values()) for found in outputs])
        together = dict(zip(first.graph.outputs, mean, strict=True))
        told = {key: value for key, value in networks[0].facts.items() if key not in ("run", "epoch")}
        networks[0] = replace(networks[0], facts={**told, "mean_of_runs": [str(one.facts["run"]) for one in networks]})
    return networks, decide(first, together)


def _inputs(model: OnnxModel, drawn: Drawn) -> dict[str, NDArray[Any]]:
    return {
        one.name: array if array.dtype == object else array.astype(one.dtype)
        for one, array in zip(model.inputs, drawn.raw, strict=True)
    }


def _expected(outputs: tuple[GraphOutput, ...], answers: Answers) -> dict[str, NDArray[Any]]:
    """The answers of `predict`, in the order of the graph's outputs."""
    found: list[NDArray[Any]] = []
    alone = len(answers.outputs) == 1
    for name, array in answers.outputs.items():
        found.append(array)
        names = answers.names if alone else answers.classes.get(name)
        kind = answers.kind if alone else "classes"
        if names is None or kind == "numbers":
            continue
        decided = answers.decided if alone else array.argmax(axis=1)
        found.append(decided if kind == "labels" else np.array([*map(as_text, names)], object)[decided])
        if alone and kind == "classes" and answers.thresholds is not None and len(names) == 2:
            found.append(decided == 1)
    return {one.name: array for one, array in zip(outputs, found, strict=True)}


def _in_words(model: OnnxModel, out: Path) -> str:
    """`photos.onnx: takes uint8 images (N, 64, 64, 3); gives probabilities (N, 3) and prediction. 1.1 MB`."""
    columns = [one for one in model.inputs if one.kind not in ("image", "array", "whole numbers")]
    taken = [f"{one.dtype} {one.name} {_shape(one.shape)}" for one in model.inputs if one not in columns]
    taken += [f"{len(columns)} columns of a table"] if columns else []
    given = [f"{one.name} {_shape(one.shape)}" for one in model.outputs]
    return f"{shown(out)}: takes {' and '.join(taken)}; gives {', '.join(given)}. {_amount(len(model.content))}"


def _of_arrays(network: TrainedNetwork, out: Path, size: int) -> str:
    """The same of a file that takes what the network takes."""
    taken = [f"{one.name} {_shape(one.shape)}" for one in network.inputs]
    given = [f"{name} {_shape(shape)}" for name, shape in network.graph.output_shapes.items()]
    encoded = ", the columns encoded" if network.encoder is not None else ""
    return f"{shown(out)}: takes {' and '.join(taken)}{encoded}; gives {', '.join(given)}. {_amount(size)}"


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, shape)])}{',' * (not shape)})"
