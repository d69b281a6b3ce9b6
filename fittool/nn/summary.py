"""A network as a table: one line a layer."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.graph import Graph

_HEAD = ("layer", "kind", "output shape", "parameters", "FLOPs")


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
