"""A run's network as the formats of `exchange` take it: its weights, and how `predict` reads its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.cell_form import MISSING
from fittool.engines.settings import Numpy
from fittool.engines.state import weights_in
from fittool.exchange.trained_network import ExportError, InputForm, OutputForm, TrainedNetwork, TrainingForm, as_text
from fittool.experiment.answers.decisions import decisions_of
from fittool.experiment.answers.decoding import Answers, decode, pair_of, squashing_of
from fittool.experiment.trained_run import TrainedRun, check_weights
from fittool.model.network import Network
from fittool.nn.layers.user_module import UserModule
from fittool.nn.output_targets import OutputTargets

_FITS = {
    "stretch": "the whole picture stretched to the size",
    "crop": "the largest middle part of the size's proportions",
    "pad": "the whole picture with black beside it",
}
_AT_ONCE = 8
"""Samples that are predicted together: large networks take much memory for each."""
_COLOR_ORDERS = {1: "grey", 3: "RGB", 4: "RGBA"}


def network_of(run: TrainedRun, outputs: Mapping[str, NDArray[np.float32]]) -> TrainedNetwork:
    """The network of a run.

    Args:
        run: The run with the checkpoint to use.
        outputs: What its network gives for some samples, (N, …) by the outputs' names.

    Raises:
        CheckpointError: A file of the run is damaged.
    """
    weights = {name.removeprefix("weights/"): array for name, array in weights_in(run.checkpoint.tensors).items()}
    answers = decode(run, outputs, yes_or_no=decisions_of(run) is not None)
    return TrainedNetwork(
        run.graph,
        weights,
        _inputs(run),
        {name: _output(run, answers, name, outputs[name].shape[1:]) for name in run.graph.outputs},
        _facts(run),
        run.encoder,
        _missing(run),
        _training(run),
    )


def outputs_of(run: TrainedRun, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The outputs of a run's network for some samples, (N, …) by the outputs' names.

    NumPy computes them whatever the run's engine: its card may be elsewhere.

    Args:
        run: The run with the checkpoint to use.
        arrays: (N, …) of each input.

    Raises:
        ExportError: Code of the user's belongs to the network.
    """
    _refuse_code(run)
    network = Network(run.graph, Numpy(), run.loaded.experiment.seed, targets=run.numbers)
    check_weights(run.checkpoint, network.describe())
    network.load(weights_in(run.checkpoint.tensors))
    engine = network.for_predictions()
    pieces = [slice(start, start + _AT_ONCE) for start in range(0, len(arrays[0]), _AT_ONCE)]
    found = [[np.array(one) for one in engine.predict_step(tuple(array[piece] for array in arrays))] for piece in pieces]
    network.close()
    return {name: np.concatenate(parts) for name, parts in zip(run.graph.outputs, zip(*found, strict=True), strict=True)}


def _refuse_code(run: TrainedRun) -> None:
    augmentation = run.loaded.experiment.any_augmentation
    if augmentation is not None and augmentation.preprocessing_function is not None:
        text = f"augmentation.preprocessing_function: {augmentation.preprocessing_function} is Python code, which no other tool"
        raise ExportError(f"{text} can run. Write it as layers, or call it before the exported network.")
    if any(isinstance(node.layer, UserModule) for node in run.graph.nodes):
        text = "model.python: the network is a module of your own code, of which fittool knows no layers."
        raise ExportError(f"{text} Export it with PyTorch's own tools.")


def _inputs(run: TrainedRun) -> tuple[InputForm, ...]:
    """The form of each input; what is not known of an old run is float32."""
    facts = run.inputs or ()
    dtypes = [one.dtype for one in facts] + ["float32"] * (len(run.graph.inputs) - len(facts))
    return tuple(InputForm(name, shape, dtype) for (name, shape), dtype in zip(run.graph.inputs.items(), dtypes, strict=False))


def _output(run: TrainedRun, answers: Answers, name: str, shape: tuple[int, ...]) -> OutputForm:
    """The reading of one output, as `decode` and `decide` read it."""
    loss = run.loaded.experiment.compile.objectives(run.graph.outputs)[name].loss
    alone = len(run.graph.outputs) == 1
    found = answers.names if alone else answers.classes.get(name)
    names = None if found is None else tuple(map(as_text, found))
    kind = answers.kind if alone else "classes" if names is not None else "numbers"
    targets = run.numbers.get(name, OutputTargets())
    if kind == "numbers" or names is None:
        return OutputForm("numbers", names or targets.names, logits=squashing_of(loss), targets=targets)
    sure = answers.are_probabilities if alone else True
    is_one_of_two = kind == "classes" and shape == (1,) and len(names) == 2
    both = pair_of(sure, loss if alone else None) if is_one_of_two else None
    chosen = decisions_of(run) if alone and sure else None
    thresholds = chosen.applied(answers).thresholds if chosen is not None else None
    return OutputForm(
        kind, names, squashing_of(loss), both, sure and alone, thresholds or (), 1.0 if chosen is None else chosen.temperature
    )


def _training(run: TrainedRun) -> TrainingForm:
    """The experiment's optimizer at the rate that the checkpoint has come to."""
    compiled, tensors = run.loaded.experiment.compile, run.checkpoint.tensors
    kept = tensors.get("optimizer/learning_rate")
    rate = compiled.optimizer.rate(int(tensors.get("optimizer/iterations", 0))) if kept is None else float(kept)
    return TrainingForm(compiled.optimizer, rate, compiled.objectives(run.graph.outputs))


def _missing(run: TrainedRun) -> frozenset[str]:
    """Words that stand for a gap in the run's table, folded."""
    own = getattr(run.loaded.experiment.data.train, "missing_values", None)
    return MISSING if own is None else frozenset({"", *(str(word).strip().casefold() for word in own)})


def _facts(run: TrainedRun) -> dict[str, Any]:
    """The facts that go with the file: class names, how pictures come to the input, which run and which epoch it is."""
    facts, form = run.checkpoint.facts, run.loaded.experiment.data.image
    found: dict[str, Any] = {"name": run.loaded.experiment.name or "network"}
    if run.class_names is not None:
        found["class_names"] = list(map(as_text, run.class_names))
    image = next((shape for shape in run.graph.inputs.values() if len(shape) == 3), None)
    if image is not None:
        found |= {"input_size": list(image[:2]), "color_order": _COLOR_ORDERS.get(image[2], f"{image[2]} channels")}
        found["resize"] = f"{_FITS[form.fit]}, {form.interpolation} as Pillow computes it"
    return found | {"run": facts.run, "epoch": facts.epoch, "model": facts.model}
