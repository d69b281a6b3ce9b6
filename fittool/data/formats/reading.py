"""The reading of a table: which columns are learnt from, which are left out and why, and what was found by looking at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fittool.data.formats.number_parsing import PLAIN, NumberForm

_SHOWN = 8


@dataclass(frozen=True)
class Reading:
    """The reading of a table.

    Attributes:
        columns: Those that are learnt from, in order.
        left_out: The others with the reason.
        found: What was found by looking, as it would be written in an experiment.
        warnings: What may be meant otherwise.
        numbers: How numbers are written.
        percent: The columns of percentages, which are read as shares of 1.
        missing: What stands for a missing value.
        targets: The columns of numbers to predict; empty where labels are classes.
        dropped: How many rows have no label and are left out, in words; "" where there are none.
    """

    columns: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    found: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    numbers: NumberForm = PLAIN
    percent: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()
    dropped: str = ""

    def told(self, class_names: Sequence[str] | None) -> str:
        """All of it in a line, with the number of classes or the numbers to predict; "" where there is nothing to say."""
        if not (self.columns or self.left_out or self.found or self.dropped):
            return ""
        columns = f"{len(self.columns):,} column{'s' * (len(self.columns) != 1)}"
        parts = [f"learns from {columns}: {few(self.columns)}"] if self.columns else []
        if self.left_out:
            parts.append(f"left out: {few([f'{name} ({why})' for name, why in self.left_out])}")
        if class_names is not None:
            parts.append(f"{len(class_names):,} class{'es' * (len(class_names) != 1)}")
        elif self.targets:
            parts.append(f"to predict: {few(self.targets)}")
        parts += [self.dropped] * bool(self.dropped)
        parts += [f"read with {', '.join(self.found)}"] * bool(self.found)
        return "; ".join(parts)

    def plain(self) -> dict[str, Any]:
        """Facts that other tables must be held against, as plain data; empty where nothing is unusual."""
        numbers = {} if self.numbers.is_plain else {"decimal": self.numbers.decimal, "thousands": self.numbers.thousands}
        percent = {"percent": sorted(self.percent)} if self.percent else {}
        return numbers | percent | ({"targets": list(self.targets)} if self.targets else {})

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Reading:
        """The reading that `plain` describes."""
        numbers = NumberForm(data.get("decimal", "."), data.get("thousands", ""))
        return cls(numbers=numbers, percent=frozenset(data.get("percent", ())), targets=tuple(data.get("targets", ())))


def few(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    listed = ", ".join(names[:_SHOWN])
    return f"{listed} and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else listed
