"""Settings of a network with several outputs, for each of them: one value for all, or a mapping by the outputs' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from fittool.nn.losses import LOSSES, Loss
from fittool.nn.metrics import METRICS, Metric
from fittool.settings import Number


class _PerOutput:
    """Validates so that an error points into the mapping or into the one value, not at both.

    Args:
        one: The type of one value.
        by_output: Whether a mapping goes by outputs, where one value can be a mapping too.
    """

    def __init__(self, one: Any, by_output: Callable[[Mapping[str, Any]], bool] = bool) -> None:
        self._one, self._by_output = one, by_output

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The one value, or the mapping where it is one."""
        mapping: Any = dict.__class_getitem__((str, self._one))
        return core_schema.no_info_wrap_validator_function(self._parse, handler.generate_schema(mapping))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Either form."""
        mapping = handler(schema)
        return {"anyOf": [mapping["additionalProperties"], mapping]}

    def _parse(self, value: object, mapping: Callable[[object], Any]) -> Any:
        if isinstance(value, Mapping) and self._by_output(value):
            return mapping(value)
        return TypeAdapter(self._one).validate_python(value)


def _names_outputs(value: Mapping[str, Any]) -> bool:
    """True where a mapping of losses goes by outputs: it has several keys, or the only one is no loss."""
    if len(value) != 1:
        return len(value) > 1
    ((name, loss),) = value.items()
    return LOSSES.class_of(str(name)) is None and _is_loss(loss)


def _is_loss(value: object) -> bool:
    """True where this names a loss, so that a misspelt loss with arguments is not taken for an output."""
    name = next(iter(value), "") if isinstance(value, Mapping) else value
    return LOSSES.class_of(str(name)) is not None


_OneLoss = Annotated[Loss, LOSSES]
_MetricList = list[Annotated[Metric, METRICS]]
LossPerOutput = Annotated[_OneLoss | dict[str, _OneLoss], _PerOutput(_OneLoss, _names_outputs)]
"""A loss for all outputs, or one for each by its name."""
MetricsPerOutput = Annotated[_MetricList | dict[str, _MetricList], _PerOutput(_MetricList)]
"""The metrics of the only output, or of each by its name."""
NumberPerOutput = Annotated[float | dict[str, float], _PerOutput(Number)]
"""A number, or one for each output by its name."""
