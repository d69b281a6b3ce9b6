"""The arguments of Keras's `compile` in a file, as the section of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fittool.errors import ExperimentError, shorten
from fittool.exchange.incoming.keras_layers import own_class
from fittool.nn.losses import LOSSES
from fittool.nn.metrics import METRICS
from fittool.nn.optimizers import OPTIMIZERS
from fittool.settings import Family, fields_of, fold

_IGNORED = frozenset({"name", "dtype", "fn", "reduction", "axis", "ignore_class", "is_legacy_optimizer", "jit_compile"})
_WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "reduction": ("sum_over_batch_size", "auto", None), "axis": (-1, None), "ignore_class": (None,),
}  # fmt: skip
_ACCURACIES = frozenset({"categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy"})
"""What Keras 2 writes for `accuracy`; which it is follows from the loss."""
_SHORT = {"acc": "accuracy"}


def compile_section(compiled: Mapping[str, Any] | None, outputs: Sequence[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """The section `compile`, and what of it has no counterpart.

    Args:
        compiled: What the file says; None where the model was never compiled.
        outputs: Names of the network's outputs.

    Returns:
        The section with optimizer, loss, metrics and loss_weights as far as they are known, None without a loss; and notes.
    """
    if compiled is None:
        return None, []
    reader = _Reader(list(outputs), [])
    loss = reader.per_output(compiled.get("loss"), reader.loss)
    if loss is None:
        return None, [*reader.notes, "its training part has no loss that is known here, so none was written."]
    section: dict[str, Any] = {"loss": loss}
    optimizer = reader.optimizer(compiled.get("optimizer") or compiled.get("optimizer_config"))
    section |= {} if optimizer is None else {"optimizer": optimizer}
    metrics = reader.metrics(compiled.get("metrics"))
    section |= {"metrics": metrics} if metrics else {}
    weights = reader.per_output(
        compiled.get("loss_weights"), lambda value: float(value) if isinstance(value, int | float) else None
    )
    section |= {"loss_weights": weights} if isinstance(weights, dict) else {}
    return section, reader.notes


class _Reader:
    def __init__(self, outputs: list[str], notes: list[str]) -> None:
        self.outputs, self.notes = outputs, notes

    def per_output(self, value: Any, read: Callable[[Any], Any]) -> Any:
        """A value, or one for each output by its name; None where there is none."""
        if value is None:
            return None
        entries = list(value.values()) if isinstance(value, Mapping) and "class_name" not in value else value
        if not isinstance(entries, list):
            return read(entries)
        if len(entries) != len(self.outputs):
            return None
        found = {name: read(one) for name, one in zip(self.outputs, entries, strict=True) if one is not None}
        if any(one is None for one in found.values()):
            return None
        return next(iter(found.values()), None) if len(self.outputs) == 1 else found or None

    def loss(self, value: Any) -> Any:
        """A loss in the experiment's form."""
        return self._member(LOSSES, value, "loss")

    def metrics(self, value: Any) -> Any:
        """Metrics in the experiment's form: a list, or a list by output."""
        if value is None:
            return None
        if isinstance(value, Mapping):
            value = [value.get(name) for name in self.outputs]
        several = len(self.outputs) > 1
        lists = value if several and all(isinstance(one, list) or one is None for one in value) else [_flat(value)]
        found = [[one for entry in _flat(some or []) if (one := self._metric(entry)) is not None] for some in lists]
        if several and len(found) == len(self.outputs):
            return {name: some for name, some in zip(self.outputs, found, strict=True) if some}
        return found[0] if found else None

    def _metric(self, value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("class_name") == "MeanMetricWrapper":  # Keras 2's way to keep a function
            value = dict(value.get("config", {})).get("fn")
            value = "accuracy" if str(value) in _ACCURACIES else value
        return self._member(METRICS, value, "metric")

    def optimizer(self, value: Any) -> Any:
        """An optimizer in the experiment's form."""
        return self._member(OPTIMIZERS, value, "optimizer")

    def _member(self, family: Family[Any], value: Any, what: str) -> Any:
        """A member of a family by its name or with arguments; None, with a note, where there is none like it."""
        if isinstance(value, str):
            written: Any = _SHORT.get(value, value)
        elif isinstance(value, Mapping) and own_class(value) is None:
            written = self._with_arguments(family, value, what)
        else:
            written = None
        if written is not None:
            try:
                TypeAdapter(Any).validate_python(family.parse(written))
            except (ValidationError, PydanticCustomError, ExperimentError):
                written = None
        if written is None and value is not None:
            named = value if isinstance(value, str) else value.get("class_name") if isinstance(value, Mapping) else value
            self.notes.append(f"its {what} {shorten(str(named), 40)} has no counterpart here and was left out.")
        return written

    def _with_arguments(self, family: Family[Any], value: Mapping[str, Any], what: str) -> Any:
        name, config = str(value.get("class_name")), value.get("config")
        if not isinstance(config, Mapping):
            return config if isinstance(config, str) else None
        known = {fold(member): cls for member, cls in family.members.items()}
        cls = known.get(fold(name.removeprefix("Custom>")))
        if cls is None:
            return None
        fields, arguments = fields_of(cls), {}
        for key, one in config.items():
            key = "learning_rate" if key == "lr" else key
            if key in fields and key not in ("name",):
                arguments[key] = _nested(one)
            elif (one not in (None, False, *_WITHOUT_EFFECT.get(key, ())) and key not in _IGNORED and what != "optimizer") or (
                key in _WITHOUT_EFFECT and one not in _WITHOUT_EFFECT[key]
            ):
                return None
        arguments = {key: one for key, one in arguments.items() if one is not None}
        return {cls.public_name(): arguments} if arguments else cls.public_name()


def _nested(value: Any) -> Any:
    """A schedule in the experiment's form; all else as it is."""
    if isinstance(value, Mapping) and "class_name" in value and isinstance(value.get("config"), Mapping):
        return {str(value["class_name"]): {key: one for key, one in value["config"].items() if key != "name" and one is not None}}
    return value


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [entry for one in value for entry in _flat(one)]
    return [] if value is None else [value]
