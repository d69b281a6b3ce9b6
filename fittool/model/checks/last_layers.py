"""The activation of an output, held against its loss and its targets."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fittool.model.checks.findings import Finding, Output
from fittool.nn.losses import (
    CosineSimilarity,
    Hinge,
    Huber,
    LogCosh,
    LogitsOrProbabilities,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
)

TOGETHER = ("softmax", "sparsemax")
"""Activations that give probabilities which add up to 1."""
EACH = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
"""Activations that give a probability for each place."""
POSITIVE = ("relu", "relu6", "softplus", "squareplus", "sparse_plus", "exponential")
_OF_ONE_UNIT = (*TOGETHER, "log_softmax")
_REGRESSION = (
    MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, Huber, LogCosh,
)  # fmt: skip
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys((*TOGETHER, *EACH), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "hard_tanh", "softsign"), (-1.0, 1.0)),
    **dict.fromkeys(POSITIVE, (0.0, math.inf)),
    "relu6": (0.0, 6.0),
    **dict.fromkeys(("log_sigmoid", "log_softmax"), (-math.inf, 0.0)),
}


def last_layer_findings(output: Output) -> Iterator[Finding]:
    """Pairs of a last activation and a loss that cannot be meant."""
    if output.loss is None or output.activation is None:
        return
    if output.activation in _OF_ONE_UNIT and output.shape[-1] == 1:
        yield _of_one_unit(output)
    elif isinstance(output.loss, LogitsOrProbabilities) and output.loss.from_logits:
        yield from _of_logits(output)
    elif output.loss.expects in ("class numbers", "one-hot") and isinstance(output.loss, LogitsOrProbabilities):
        yield from _of_classes(output)
    elif output.loss.expects == "probabilities":
        yield from _of_probabilities(output)
    else:
        yield from _of_numbers(output)


def outputs_beyond_classes(output: Output) -> Iterator[Finding]:
    """More places than the classes that there are names for."""
    loss, classes = output.loss, output.classes
    if loss is None or classes is None or loss.expects != "class numbers" or output.shape[-1] <= len(classes):
        return
    count = output.shape[-1]
    text = (
        f"The last layer has {count:,} units, but there are {len(classes):,} classes, so {count - len(classes):,} of them never"
    )
    yield Finding(f"{text} mean anything. Give it {len(classes):,} units.", output.layer_path)


def _of_one_unit(output: Output) -> Finding:
    activation, loss = output.activation, output.loss
    found = f"{activation} over a single unit is always {0 if activation == 'log_softmax' else 1}, so nothing can be learnt."
    if loss is not None and loss.expects == "probabilities":
        mend = "Use sigmoid."
    elif loss is not None and loss.expects == "numbers":
        mend = "Leave it out: numbers need no activation."
    else:
        mend = "Give the layer a unit for each class, or use sigmoid with binary_crossentropy."
    return Finding(f"{found} {mend}", output.layer_path, is_error=True)


def _of_logits(output: Output) -> Iterator[Finding]:
    """A loss that applies softmax or sigmoid by itself."""
    assert output.loss is not None
    name, activation = output.loss.public_name(), output.activation
    if activation in (*TOGETHER, *EACH):
        text = f"{name} with from_logits: true applies {squash(output)} itself, but {output.end} already."
        yield Finding(f"{text} Leave out one of the two: the activation, or from_logits.", output.loss_path)
    elif activation in POSITIVE:
        text = f"{name} with from_logits: true takes numbers of either sign, but {output.end}, which gives none below 0."
        yield Finding(f"{text} Leave the activation out.", output.loss_path)


def _of_classes(output: Output) -> Iterator[Finding]:
    """A loss of probabilities that add up to 1."""
    assert output.loss is not None
    name, activation = output.loss.public_name(), output.activation
    if activation in TOGETHER:
        return
    needs = f"{name} needs a probability for each class, but {output.end}"
    if activation in EACH:
        mend = "Use softmax; or binary_crossentropy, if a sample can be of several classes."
        yield Finding(f"{needs}, which makes each one by itself. {mend}", output.loss_path)
    elif activation in POSITIVE:  # a row of zeros, which rectifiers can give, is divided by its sum
        yield Finding(f"{needs}. Use softmax.", output.loss_path, is_error=activation in ("relu", "relu6"))
    else:
        mend = f"activation: softmax, or {name} from_logits: true" if activation != "log_softmax" else f"{name} from_logits: true"
        receiver = f"layer {output.node.name} " if activation != "log_softmax" else ""
        yield Finding(f"{needs}, and nothing can be learnt so. Give {receiver}{mend}.", output.loss_path, is_error=True)


def _of_probabilities(output: Output) -> Iterator[Finding]:
    """A loss of a probability for each place."""
    assert output.loss is not None
    name, activation = output.loss.public_name(), output.activation
    needs = f"{name} needs outputs from 0 to 1, but {output.end}"
    if activation in EACH:
        return
    if activation in TOGETHER:
        if output.targets.kind == "numbers" and isinstance(output.loss, LogitsOrProbabilities):
            text = (
                f"{name} asks each place by itself, but {output.end}, which makes one of them likely at the cost of the others."
            )
            yield Finding(f"{text} Use sigmoid.", output.loss_path)
    elif activation in POSITIVE or not isinstance(output.loss, LogitsOrProbabilities):
        yield Finding(f"{needs}. Use {squash(output)}.", output.loss_path)
    else:
        mend = f"Give layer {output.node.name} activation: sigmoid, or {name} from_logits: true."
        yield Finding(f"{needs}, and nothing can be learnt beyond. {mend}", output.loss_path, is_error=True)


def squash(output: Output) -> str:
    """The activation that the loss asks for."""
    together = output.loss is not None and (
        output.loss.expects in ("class numbers", "one-hot") or not isinstance(output.loss, LogitsOrProbabilities)
    )
    return "softmax" if together else "sigmoid"


def _of_numbers(output: Output) -> Iterator[Finding]:
    """Targets that the activation can never give."""
    assert output.loss is not None
    low, high = _RANGES.get(str(output.activation), (-math.inf, math.inf))
    name, targets = output.loss.public_name(), output.targets
    if isinstance(output.loss, Poisson) and low < 0:
        text = f"{name} takes the logarithm of outputs, but {output.end}, which can give numbers below 0. Use exponential."
        yield Finding(text, output.loss_path, is_error=True)
    elif isinstance(output.loss, _REGRESSION) and (targets.lowest < low or targets.highest > high):
        text = f"The targets reach from {targets.lowest:.4g} to {targets.highest:.4g}, but {output.end}, which gives"
        yield Finding(f"{text} {_range(low, high)} only. Leave the activation out, or scale the targets.", output.layer_path)
    elif isinstance(output.loss, Hinge | SquaredHinge | CosineSimilarity) and targets.lowest < low:
        text = f"The targets reach down to {targets.lowest:.4g}, but {output.end}, which gives nothing below {low:g}."
        yield Finding(f"{text} Use tanh, or leave the activation out.", output.layer_path)


def _range(low: float, high: float) -> str:
    if high == math.inf:
        return f"numbers from {low:g}"
    return f"numbers up to {high:g}" if low == -math.inf else f"{low:g} to {high:g}"
