"""Loss and metrics as Keras hands them out: a list, or a number where there is one value; each also answers to names."""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from typing import Any, Literal, SupportsIndex, overload


class _ByName:
    """Access by name, so that code for a dict of logs works on.

    Attributes:
        names: The values by name, `loss` first.
    """

    names: dict[str, float]

    def keys(self) -> KeysView[str]:
        """The names; with them `dict(result)` gives a dict."""
        return self.names.keys()

    def values(self) -> ValuesView[float]:
        """The values, in the order of the names."""
        return self.names.values()

    def items(self) -> ItemsView[str, float]:
        """Pairs of name and value."""
        return self.names.items()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or the default."""
        return self.names.get(name, default)


class ResultList(_ByName, list[float]):
    """Loss, single losses where there are several, metrics, weighted metrics: Keras's order. `result["loss"]` works as well.

    Args:
        values: The values by name, in this order.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self.names = dict(values)
        super().__init__(self.names.values())

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> float: ...
    @overload
    def __getitem__(self, key: slice) -> list[float]: ...
    def __getitem__(self, key: SupportsIndex | str | slice) -> float | list[float]:
        """The value at a place, or of a name."""
        return self.names[key] if isinstance(key, str) else super().__getitem__(key)

    def __contains__(self, item: object) -> bool:
        """True for a name, and for a value."""
        return item in self.names if isinstance(item, str) else super().__contains__(item)

    def __eq__(self, other: object) -> bool:
        """Equal to a list of the same values, and to a mapping of the same names and values."""
        return self.names == other if isinstance(other, Mapping) else super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        """The opposite of `==`."""
        return not self == other

    __hash__ = None

    def __reduce__(self) -> tuple[type[ResultList], tuple[dict[str, float]]]:
        return ResultList, (self.names,)


class ResultValue(_ByName, float):
    """The only value, a number. `result["loss"]` works as well.

    Args:
        values: The one value by its name.
    """

    def __new__(cls, values: Mapping[str, float]) -> ResultValue:
        """The number."""
        ((_, value),) = values.items()
        made = super().__new__(cls, value)
        made.names = dict(values)
        return made

    def __getitem__(self, name: str) -> float:
        """The value, if that is its name."""
        return self.names[name]

    def __contains__(self, name: object) -> bool:
        """True for the value's name."""
        return name in self.names

    def __eq__(self, other: object) -> bool:
        """Equal to the same number, and to a mapping of its name to it."""
        return self.names == other if isinstance(other, Mapping) else super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        """The opposite of `==`."""
        return not self == other

    __hash__ = float.__hash__

    def __reduce__(self) -> tuple[type[ResultValue], tuple[dict[str, float]]]:
        return ResultValue, (self.names,)


Result = ResultList | ResultValue


@overload
def result_of(values: dict[str, float], return_dict: Literal[False]) -> Result: ...
@overload
def result_of(values: dict[str, float], return_dict: Literal[True]) -> dict[str, float]: ...
@overload
def result_of(values: dict[str, float], return_dict: bool) -> Result | dict[str, float]: ...
def result_of(values: dict[str, float], return_dict: bool) -> Result | dict[str, float]:
    """Loss and metrics in the form that was asked for.

    Args:
        values: By name, `loss` first.
        return_dict: Whether the dict itself is wanted.
    """
    if return_dict:
        return values
    return ResultValue(values) if len(values) == 1 else ResultList(values)
