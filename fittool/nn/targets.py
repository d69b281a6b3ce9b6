"""The demands of losses and metrics on targets, and the check, before training, that data and network agree with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from fittool.errors import ExperimentError, Problem
from fittool.nn.shapes import Shape
from fittool.settings import Field, Named, ValueName, setting, snake_case

_SHOWN = 5
Expected = Literal["class numbers", "one-hot", "probabilities", "numbers", "anything"]


_WITH_SPARSE_FORM = ("categorical_crossentropy", "categorical_accuracy", "top_k_categorical_accuracy")


@dataclass(frozen=True)
class Targets:
    """The form of some data's targets, as far as it can be told without training.

    Attributes:
        kind: `class numbers` (whole numbers), `one-hot` (rows of one 1 and else 0), or any other `numbers`.
        shape: Without the batch axis; () for one number a sample.
        lowest, highest: The smallest and the largest target.
        source: What they come from, for messages.
        class_names: The names of the classes, where the data give them.
    """

    kind: Literal["class numbers", "one-hot", "numbers"]
    shape: Shape
    lowest: float
    highest: float
    source: str = "data.train"
    class_names: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """The form in words: `class numbers (0 to 9)`."""
        if self.kind == "one-hot":
            return f"one-hot targets of {self.shape[-1]} classes"
        if self.class_names is not None and self.class_names != tuple(map(str, range(len(self.class_names)))):
            listed = ", ".join(self.class_names[:_SHOWN]) + (", …" if len(self.class_names) > _SHOWN else "")
            return f"{len(self.class_names)} classes ({listed})"
        return f"{self.kind} ({self.lowest:g} to {self.highest:g})"


@setting
class Measure(Named):
    """The base of losses and metrics: a number from targets and outputs."""

    expects: ClassVar[Expected] = "numbers"
    mode: ClassVar[Literal["min", "max"]] = "min"

    @property
    def keras_name(self) -> str:
        """The name that Keras prints: `sparse_categorical_crossentropy`."""
        return snake_case(self.public_name())

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """Its meaning for targets and outputs of these shapes; all but `accuracy` and `crossentropy` stand for themselves."""
        return self

    def misfit(self, output_shape: Shape) -> str | None:
        """The complaint about an argument that does not fit outputs of this shape, or None."""
        return None

    def ignored(self) -> int | None:
        """The class number that does not count, or None."""
        return None


def check_targets(measures: Iterable[Measure], targets: Targets, output_shape: Shape) -> None:
    """Compare what losses and metrics expect with the form of the targets and the shape of the network's output.

    Raises:
        ExperimentError: They do not fit; holds one problem for each measure.
    """
    texts = (refusal(measure, targets, output_shape) for measure in measures)
    problems = [Problem(text) for text in dict.fromkeys(texts) if text is not None]
    if problems:
        raise ExperimentError(problems)


def refusal(measure: Measure, targets: Targets, output_shape: Shape) -> str | None:
    """The reason why a loss or metric cannot take these targets and outputs, or None."""
    measure = measure.resolved(targets.shape, output_shape)
    if measure.expects == "anything":
        return measure.misfit(output_shape)
    checks = {"class numbers": _class_numbers, "one-hot": _one_hot, "probabilities": _probabilities, "numbers": _numbers}
    return checks[measure.expects](measure, targets, output_shape) or measure.misfit(output_shape)


def _class_numbers(measure: Measure, targets: Targets, output: Shape) -> str | None:
    name, source = measure.keras_name, targets.source
    if targets.kind == "one-hot" and targets.shape == output:
        return f"{name} expects class numbers, but {source} gives {targets}. Use {name.removeprefix('sparse_')}."
    if targets.kind != "class numbers":
        return f"{name} expects class numbers, but {source} gives {targets}."
    if targets.shape not in (output[:-1], (*output[:-1], 1)):
        found = (
            f"{name} expects targets of shape {output[:-1]} for outputs of shape {output}, but {source} gives {targets.shape}."
        )
        return f"{found}{_flatten(targets, output)}"
    if targets.lowest < 0 and targets.lowest != measure.ignored():
        return f"{name} expects class numbers from 0, but {source} gives {targets.lowest:g}."
    if targets.highest >= output[-1] and targets.highest != measure.ignored():
        advice = f"Give the last layer {targets.highest + 1:g} units"
        advice += ", or use binary_crossentropy." if output[-1] == 1 and targets.highest == 1 else "."
        return f"{source} gives {targets}, but the network's output has places for 0 to {output[-1] - 1} only. {advice}"
    return None


def _one_hot(measure: Measure, targets: Targets, output: Shape) -> str | None:
    name, source = measure.keras_name, targets.source
    if targets.kind == "class numbers" and targets.shape != output:
        sparse = "sparse_categorical_crossentropy" if name not in _WITH_SPARSE_FORM else f"sparse_{name}"
        return f"{name} expects one-hot targets, but {source} gives {targets}. Use {sparse}."
    if targets.lowest < 0:
        return f"{name} expects one-hot targets or probabilities, but {source} gives {targets}."
    if targets.shape != output:
        return _shape_differs(measure, targets, output)
    if output[-1] == 1:
        return f"{name} expects at least two classes, but the network's output has one. Use binary_crossentropy."
    return None


def _probabilities(measure: Measure, targets: Targets, output: Shape) -> str | None:
    name, source = measure.keras_name, targets.source
    if targets.lowest < 0 or targets.highest > 1:
        advice = _for_class_numbers(name) if targets.kind == "class numbers" and targets.lowest >= 0 else ""
        return f"{name} expects targets from 0 to 1, but {source} gives {targets}.{advice}"
    return _numbers(measure, targets, output)


def _for_class_numbers(name: str) -> str:
    if name.endswith("crossentropy"):
        return " Use sparse_categorical_crossentropy."
    return " Set data.class_mode: categorical, and the loss categorical_crossentropy; or remove it."


def _numbers(measure: Measure, targets: Targets, output: Shape) -> str | None:
    if targets.shape == output or (*targets.shape, 1) == output or targets.shape == (*output, 1):
        return None
    return _shape_differs(measure, targets, output)


def _shape_differs(measure: Measure, targets: Targets, output: Shape) -> str:
    return (
        f"{measure.keras_name} expects targets of the outputs' shape {output}, but {targets.source} gives {targets.shape}. "
        f"{_units(targets, output)}"
    )


def _flatten(targets: Targets, output: Shape) -> str:
    """The mend for outputs that still have the axes of images or sequences, where there is one target a sample; else nothing."""
    if len(output) < 2 or len(targets.shape) > 1:
        return ""
    pooling = {2: "GlobalAveragePooling1D", 3: "GlobalAveragePooling2D"}.get(len(output))
    return f" Put Flatten{f' or {pooling}' if pooling else ''} before the last Dense layers."


def _units(targets: Targets, output: Shape) -> str:
    units = targets.shape[-1] if len(targets.shape) == len(output) else 1
    if flattened := _flatten(targets, output):
        return flattened.strip()
    if targets.shape[:-1] == output[:-1] or targets.shape == output[:-1]:
        return f"Give the last layer {units} unit{'s' * (units > 1)}, or choose a loss for these targets."
    return "Choose a loss for these targets, or change the network's output."


@setting
class Metric(Measure):
    """A measure that is watched."""

    name: ValueName | None = Field(default=None, description="Name in logs; Keras's own if absent.")

    @property
    def log_name(self) -> str:
        """The key in logs."""
        return self.keras_name if self.name is None else self.name


@setting
class Share(Metric):
    """A share of right answers or another score: the more, the better."""

    mode: ClassVar[Literal["min", "max"]] = "max"


Form = Literal["binary", "sparse", "categorical"]
"""The kind of answer that an output gives."""


@setting
class FollowsShapes(Metric):
    """A metric whose meaning follows from the shapes of targets and outputs, as in Keras."""

    kinds: ClassVar[Mapping[Form, type[Metric]]]
    """The meaning for each kind of answer."""

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """The metric for these shapes, under the same name."""
        return self.kinds[_form(target_shape, output_shape)](name=self.log_name)


def _form(target_shape: Shape, output_shape: Shape) -> Form:
    if output_shape[-1:] == (1,):
        return "binary"
    return "sparse" if len(target_shape) < len(output_shape) or target_shape[-1] == 1 else "categorical"
