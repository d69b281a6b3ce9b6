"""The table of a network's layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fittool.errors import UsageError
from fittool.experiment.prepare import fit_together
from fittool.experiment.trained import trained_network
from fittool.nn.graph import Graph
from fittool.spec.experiment_file import load_experiment

_HEAD = ("layer", "kind", "output shape", "parameters", "FLOPs")


def summary_table(path: Path, overrides: Sequence[str] = ()) -> str:
    """The layers of an experiment's network, or of a run's.

    Raises:
        UsageError: Overrides for a run, whose network is what it is.
    """
    if not path.is_dir():
        return table(fit_together(load_experiment(path, overrides)).graph)
    if overrides:
        raise UsageError("--set changes experiments; a run's network cannot be changed.")
    return table(trained_network(path))


def table(graph: Graph) -> str:
    """One line a layer, then the sums."""
    rows = [(row.name, row.kind, _shape(row.output_shape), f"{row.parameters:,}", f"{row.flops:,}") for row in graph.describe()]
    inputs = [(name, "input", _shape(shape), "0", "0") for name, shape in graph.inputs.items()]
    lines = [_HEAD, *inputs, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = "".join(_line(line, widths) for line in lines)
    fixed = graph.parameter_count - graph.trainable_count
    total = f"{graph.parameter_count:,} parameters" + (f", {fixed:,} of them not trained" if fixed else "")
    return f"{text}{total}, {sum(row.flops for row in graph.describe()):,} FLOPs a sample\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Text to the left, numbers to the right."""
    sides = [
        cell.ljust(width) if column < 3 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(sides).rstrip() + "\n"


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) if shape else "1"
