"""The arguments of `compile`: how a model trains and what it reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fittool.errors import ExperimentError
from fittool.model.parsing import parsed
from fittool.nn.losses import LOSSES, Loss
from fittool.nn.metrics import METRICS, FunctionMetric, Metric
from fittool.nn.objectives import Objective, share_out
from fittool.nn.optimizers import OPTIMIZERS, Optimizer
from fittool.nn.targets import Measure
from fittool.settings import plain


@dataclass(frozen=True)
class Compiled:
    """A model's optimizer, and what it wants of each output.

    Attributes:
        optimizer: Moves the weights.
        objectives: What is asked of each output, by name; the shapes of targets are not known yet.
    """

    optimizer: Optimizer
    objectives: Mapping[str, Objective]

    def plain(self) -> dict[str, Any]:
        """As plain data, from which `compiled` makes it again; without metrics that are functions."""
        objectives = self.objectives.items()
        return {
            "optimizer": plain(self.optimizer, defaults=False),
            "loss": {name: _plain(asked.loss) for name, asked in objectives},
            "loss_weights": {name: asked.loss_weight for name, asked in objectives},
            "metrics": {name: _each(asked.metrics) for name, asked in objectives},
            "weighted_metrics": {name: _each(asked.weighted_metrics) for name, asked in objectives},
        }


def _each(metrics: Sequence[Metric]) -> list[Any]:
    """Metrics as plain data. Functions cannot be written down, and nothing but the display needs them."""
    return [_plain(metric) for metric in metrics if not isinstance(metric, FunctionMetric)]


def _plain(measure: Loss | Metric | None) -> Any:
    return None if measure is None else plain(measure, defaults=False)


def compiled(
    outputs: Sequence[str], *, optimizer: object, loss: object, metrics: object, weighted_metrics: object, loss_weights: Any
) -> Compiled:
    """Parse the arguments of `compile`.

    Args:
        outputs: The names of the network's outputs.
        optimizer, loss, metrics, weighted_metrics: Names, mappings of a name to its arguments, objects; for several outputs
            lists of them, or mappings by the outputs' names.
        loss_weights: Numbers.

    Raises:
        ExperimentError: A ValueError that names the argument and what is wrong with it.
    """
    return Compiled(
        parsed("optimizer", OPTIMIZERS, optimizer),
        share_out(
            outputs,
            loss=_losses(loss, outputs),
            metrics=_metrics("metrics", metrics, outputs),
            weighted_metrics=_metrics("weighted_metrics", weighted_metrics, outputs),
            loss_weights=_numbers(loss_weights),
        ),
    )


def _losses(value: Any, outputs: Sequence[str]) -> Any:
    if _by_output(value, outputs, LOSSES.class_of):
        return {str(name): _loss(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_loss(entry) for entry in value]
    return _loss(value)


def _loss(value: object) -> Loss | None:
    if _is_function(value):
        raise ExperimentError(
            f"loss is a function, {getattr(value, '__name__', value)}. Training needs its gradient, and the NumPy engine has no "
            "automatic differentiation: take a loss of fittool.losses. As a metric the function can be watched."
        )
    return None if value is None else parsed("loss", LOSSES, value)


def _metrics(what: str, value: Any, outputs: Sequence[str]) -> Any:
    if value is None:
        return ()
    if _by_output(value, outputs, METRICS.class_of):
        return {str(name): _entry(what, entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_entry(what, entry) for entry in value]
    if len(outputs) > 1 or isinstance(value, str) or not isinstance(value, Mapping):
        raise ExperimentError(f"{what} must be a list, or a mapping by the outputs' names; got {value!r}.")
    return [_metric(what, value)]


def _entry(what: str, value: Any) -> Any:
    """The metrics of one output, or one metric."""
    if value is None:
        return ()
    return [_entry(what, one) for one in value] if isinstance(value, list | tuple) else _metric(what, value)


def _metric(what: str, value: Any) -> Metric:
    """One metric; a function of arrays is welcome."""
    return FunctionMetric(function=value) if _is_function(value) else parsed(what, METRICS, value)


def _is_function(value: object) -> bool:
    """True for code of the user's: neither a class of ours, nor a description."""
    return callable(value) and not isinstance(value, type | Measure)


def _by_output(value: object, outputs: Sequence[str], known: Any) -> bool:
    """True for a mapping that goes by outputs, false for one from a name to its arguments."""
    return isinstance(value, Mapping) and (
        any(name in outputs for name in value) or len(value) != 1 or known(str(next(iter(value)))) is None
    )


def _numbers(value: Any) -> Any:
    """Loss weights, refused where they are no numbers."""
    flat = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (value,)
    if value is not None and not all(isinstance(number, int | float) and not isinstance(number, bool) for number in flat):
        found = f"loss_weights must be a number for each loss, as a list or a mapping; got {value!r}."
        raise ExperimentError(f"{found} Metrics are given by name: metrics={value!r}." if _is_metrics(flat) else found)
    return value


def _is_metrics(values: Iterable[object]) -> bool:
    """True for what stands third in scripts for older versions of Keras, where metrics came before loss_weights."""
    return all(
        isinstance(one, Metric) or (isinstance(one, str) and METRICS.class_of(one) is not None) or _is_function(one)
        for one in values
    )
