"""Settings of optimizers that do nothing on the network there is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fittool.errors import KeyPath, shorten
from fittool.model.checks.findings import Finding
from fittool.nn.graph import Graph
from fittool.nn.optimizers import Muon, Optimizer


def optimizer_findings(graph: Graph, optimizer: Optimizer | None, path: KeyPath) -> Iterator[Finding]:
    """Muon without a matrix that it could turn, and what it is told to leave out but does not find.

    Args:
        graph: The network.
        optimizer: The optimizer; None where there is none.
        path: Where it is written.
    """
    if not isinstance(optimizer, Muon):
        return
    matrices = [name for name, parameter in graph.weights() if len(parameter.shape) == 2]
    for pattern in optimizer.exclude_layers or ():
        if not any(re.search(pattern, name) for name in matrices):
            known = ", ".join(matrices) or "none"
            yield Finding(f'exclude_layers holds "{shorten(pattern)}", but no matrix is called so. They are: {known}.', path)
    if not any(optimizer.orthogonalizes(name, parameter.shape) for name, parameter in graph.weights()):
        yield Finding("Muon has no matrix to move here: all weights are moved by AdamW. Take AdamW.", path)
