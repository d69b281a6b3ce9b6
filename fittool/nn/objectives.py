"""The objectives of each output of a network: one loss with its weight, and what is measured, with and without sample weights.

The loss of a step, which training minimises, is the sum of the outputs' losses, each times its `loss_weight`, plus the
penalties on the weights. Over several steps its running value is their mean, each step counting by its samples, as in Keras.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fittool.errors import ExperimentError
from fittool.nn.graph import Graph
from fittool.nn.layers.last_activation import last_activation
from fittool.nn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    LogitsOrProbabilities,
    Loss,
    SparseCategoricalCrossentropy,
)
from fittool.nn.metrics import (
    FunctionMetric,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Metric,
    R2Score,
    RootMeanSquaredError,
)
from fittool.nn.output_targets import OutputTargets
from fittool.nn.shapes import Shape
from fittool.nn.targets import Targets, check_targets
from fittool.settings import nearest_name

_OF_EACH_TARGET = (
    MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError,
    LogCoshError, R2Score,
)  # fmt: skip
"""The metrics that say something of a single target."""
_UNKNOWN = OutputTargets()
_LONGEST = 60


@dataclass(frozen=True)
class Objective:
    """The loss and metrics that are asked of one output.

    Attributes:
        loss: What is minimised; None where nothing is.
        loss_weight: The loss's share in the total.
        metrics: What is measured; every sample counts 1.
        weighted_metrics: What is measured with the samples' weights, and divided by their sum.
        target_shape: Shape of one target, () for a class number; what `accuracy` means depends on it.
        numbers: The names and the scale of the numbers to predict.
    """

    loss: Loss | None = None
    loss_weight: float = 1.0
    metrics: tuple[Metric, ...] = ()
    weighted_metrics: tuple[Metric, ...] = ()
    target_shape: Shape = ()
    numbers: OutputTargets = _UNKNOWN

    def targets_apart(self, metric: Metric) -> tuple[str, ...]:
        """The names of the targets for each of which a metric is told beside the mean over all of them; none of an only one."""
        names = self.numbers.names
        return names if len(names) > 1 and isinstance(metric, _OF_EACH_TARGET) else ()


@dataclass(frozen=True)
class Measured:
    """One metric in its place.

    Attributes:
        output: The number of the output that it looks at.
        metric: The metric.
        weighted: Whether samples count by their weights.
        target: The number of the only target that it looks at, of the last axis; None: all of them.
    """

    output: int
    metric: Metric
    weighted: bool
    target: int | None = None


Objectives = Mapping[str, Objective]
"""The loss and metrics asked of each output, by its name, in the network's order."""

_SQUASHED_BY: dict[type[Loss], str] = {
    SparseCategoricalCrossentropy: "softmax",
    CategoricalCrossentropy: "softmax",
    BinaryCrossentropy: "sigmoid",
}


def output_activations(graph: Graph) -> dict[str, str | None]:
    """The name of the activation that each output ends with; None where it cannot be told."""
    ends = {node.name: last_activation(node.layer, node.output_shape) for node in graph.nodes}
    return {name: ends.get(name) for name in graph.outputs}


def losses_of_logits(graph: Graph, objectives: Objectives) -> dict[str, Loss]:
    """The losses to compute from the logits behind an output's activation, by the outputs' names.

    Softmax and a crossentropy of classes, sigmoid and one of yes-or-no outputs: probabilities that are rounded to 0 or 1 no
    longer tell how wrong they are. So an engine takes loss and gradient from the logits; outputs, metrics and predictions
    are those of the activation all the same.
    """
    ends, found = output_activations(graph), dict[str, Loss]()
    for name, objective in objectives.items():
        loss, end = objective.loss, ends.get(name)
        meets = end is not None and loss is not None and _SQUASHED_BY.get(type(loss)) == end
        if meets and isinstance(loss, LogitsOrProbabilities) and not loss.from_logits:
            found[name] = replace(loss, from_logits=True)
    return found


ROW_NAMES = ("epoch", "stage", "seconds", "examples_per_second", "data_seconds")
"""The names that the row of an epoch holds beside its logs."""
RESERVED_NAMES = ("loss", "learning_rate", *ROW_NAMES)
"""Names of other values in the rows of epochs, which no metric may have."""


def loss_names(objectives: Objectives) -> dict[str, int]:
    """The log names of the single losses and the outputs they belong to; none where there is only one, the total itself."""
    asked = [(name, number) for number, (name, objective) in enumerate(objectives.items()) if objective.loss is not None]
    return {f"{name}_loss": number for name, number in asked} if len(asked) > 1 else {}


def loss_value_names(objectives: Objectives) -> tuple[str, ...]:
    """The log names of the running losses: `loss`, then the single losses; none where nothing is minimised."""
    return ("loss", *loss_names(objectives)) if any(entry.loss is not None for entry in objectives.values()) else ()


def value_names(objectives: Objectives) -> tuple[str, ...]:
    """The names of all running values in the order of the logs: the losses, then the metrics."""
    return *loss_value_names(objectives), *metrics_by_name(objectives)


def penalties(graph: Graph) -> dict[str, tuple[float, float]]:
    """The factors (l1, l2) of each penalized weight array, by `<layer>/<parameter>`, in the order of the graph.

    The loss grows by `l1 · Σ|w| + l2 · Σw²`, whether the array is trainable or not; the gradient of a trainable one grows by
    `l1 · sign(w) + 2 · l2 · w`, before the optimizer sees it.
    """
    return {name: parameter.regularizer.factors for name, parameter in graph.weights() if parameter.regularizer is not None}


def metrics_by_name(objectives: Objectives) -> dict[str, Measured]:
    """All metrics by their names in logs, as in Keras.

    With several outputs a name begins with the output's. A weighted metric whose name is taken becomes `weighted_<name>`,
    any other that is taken, also by a loss, gets a number. Where an output's targets have names, each of them follows with
    the metric of that target alone, `<name>_<target>`.
    """
    losses = dict.fromkeys(loss_value_names(objectives))
    found: dict[str, Measured] = {}
    for weighted in (False, True):
        for number, (output, objective) in enumerate(objectives.items()):
            prefix = f"{output}_" if len(objectives) > 1 else ""
            for metric in objective.weighted_metrics if weighted else objective.metrics:
                name = prefix + metric.log_name
                if weighted and name in found:
                    name = f"{prefix}weighted_{metric.log_name}"
                found[_free(name, losses | found)] = Measured(number, metric, weighted)
                for target, called in enumerate(objective.targets_apart(metric)):
                    alone = _free(f"{name}_{_as_name(called, target)}", losses | found)
                    found[alone] = Measured(number, metric, weighted, target)
    return found


def _as_name(text: str, number: int) -> str:
    """The name of a column as a part of a value's name, which holds letters, digits and `_` only: `bill (mm)` is `bill_mm`."""
    return re.sub(r"\W+", "_", text).strip("_")[:_LONGEST] or str(number)


def _free(name: str, taken: Mapping[str, object]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def directions(objectives: Objectives) -> dict[str, Any]:
    """For each metric by its name in logs, whether more (`max`) or less (`min`) is better; nobody knows of functions."""
    known = {
        name: entry.metric for name, entry in metrics_by_name(objectives).items() if not isinstance(entry.metric, FunctionMetric)
    }
    return {name: metric.mode for name, metric in known.items()}


def with_target_shapes(objectives: Objectives, shapes: Sequence[Shape]) -> dict[str, Objective]:
    """The same for targets of these shapes, one for each output that has targets."""
    return {
        name: objective if number >= len(shapes) else replace(objective, target_shape=shapes[number])
        for number, (name, objective) in enumerate(objectives.items())
    }


def with_output_targets(objectives: Objectives, targets: Mapping[str, OutputTargets]) -> dict[str, Objective]:
    """The same for outputs of which these numbers, by the outputs' names, are to be predicted."""
    return {name: replace(objective, numbers=targets.get(name, objective.numbers)) for name, objective in objectives.items()}


def check_objectives(objectives: Objectives, targets: Sequence[Targets], output_shapes: Mapping[str, Shape]) -> None:
    """Compare what is asked of each output with the form of its targets.

    Raises:
        ExperimentError: They do not fit; holds one problem for each measure.
    """
    if len(targets) < len(objectives):
        raise ExperimentError(f"The network has {len(objectives)} outputs, but the data give {len(targets)} targets.")
    for (name, objective), form in zip(objectives.items(), targets, strict=False):
        losses = () if objective.loss is None else (objective.loss,)
        check_targets([*losses, *objective.metrics, *objective.weighted_metrics], form, output_shapes[name])


def share_out(
    outputs: Sequence[str],
    *,
    loss: Loss | Sequence[Loss | None] | Mapping[str, Loss | None] | None,
    metrics: Sequence[Any] | Mapping[str, Any] = (),
    weighted_metrics: Sequence[Any] | Mapping[str, Any] = (),
    loss_weights: float | Sequence[float] | Mapping[str, float] | None = None,
) -> dict[str, Objective]:
    """Hand out to each output what is its own.

    Args:
        outputs: The names of the network's outputs.
        loss: One for all outputs, or one for each as a list or by name.
        metrics: A list for the only output; one metric or list for each of several, as a list or by name.
        weighted_metrics: The same.
        loss_weights: One for each loss, as a list or by name; 1 by default.

    Raises:
        ExperimentError: A name is no output, or a list has another length than there are outputs.
    """
    losses = dict.fromkeys(outputs, loss) if loss is None or isinstance(loss, Loss) else _each("loss", loss, outputs)
    factors = _each("loss_weights", [loss_weights] if isinstance(loss_weights, int | float) else loss_weights, outputs)
    plain, weighted = _lists("metrics", metrics, outputs), _lists("weighted_metrics", weighted_metrics, outputs)
    objectives = {
        name: Objective(losses.get(name), float(factors.get(name, 1.0)), plain.get(name, ()), weighted.get(name, ()))
        for name in outputs
    }
    _check_names(objectives)
    return objectives


def _check_names(objectives: Objectives) -> None:
    """Refuse names that stand for something else where values are written down, also where a number would tell them apart."""
    prefixes = {name: f"{name}_" if len(objectives) > 1 else "" for name in objectives}
    asked = [
        prefixes[output] + metric.log_name
        for output, objective in objectives.items()
        for metric in (*objective.metrics, *objective.weighted_metrics)
    ]
    taken = {*RESERVED_NAMES, *loss_names(objectives)}
    for name in (*asked, *metrics_by_name(objectives)):
        if name in taken or name.startswith("val_"):
            what = "of the validation" if name.startswith("val_") else "of the run" if name in RESERVED_NAMES else "there already"
            raise ExperimentError(f"metrics: a value would be called {name}, but a value {what} has that name. Choose another.")


def _lists(what: str, value: Any, outputs: Sequence[str]) -> dict[str, tuple[Metric, ...]]:
    """A tuple of metrics for each output; in a list with one entry for each output, an entry may be a list."""
    if len(outputs) == 1 and not isinstance(value, Mapping):
        return {outputs[0]: tuple(value)}
    shared = _each(what, value, outputs) if value else {}
    return {name: tuple(entry) if isinstance(entry, list | tuple) else (entry,) for name, entry in shared.items()}


def _each(what: str, value: Any, outputs: Sequence[str]) -> dict[str, Any]:
    """One thing for each output, from a list in their order or a mapping by name."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        for name in value:
            if name not in outputs:
                near = nearest_name(str(name), list(outputs))
                mend = f" Did you mean {near}?" if near else f" Outputs are {', '.join(outputs)}."
                raise ExperimentError(f"{what} names {name}, but the network has no such output.{mend}")
        return dict(value)
    if len(value) != len(outputs):
        raise ExperimentError(
            f"{what} holds {len(value)} entries, but the network has {len(outputs)} outputs ({', '.join(outputs)}). "
            "Give one for each, or a mapping by the outputs' names."
        )
    return dict(zip(outputs, value, strict=True))
