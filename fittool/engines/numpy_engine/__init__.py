"""The engine that needs nothing but NumPy: every step is a fixed list of NumPy calls on arrays made once.

`lowering` turns a graph into operations, by the table in `layers`, `program` cuts a batch into slices and lists the calls,
`thread_pool` runs them; `buffers` and `parameters` hold the arrays, `optimizers` and `optimizer_step` move the weights,
`losses_and_metrics` measures. Only the registry of engines enters. It knows `nn` and the engines' common files, no other
engine, no epoch and no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fittool.engines.numpy_engine.engine import NumpyEngine

__all__ = ["NumpyEngine"]


def __getattr__(name: str) -> object:
    """Import the engine when it is first asked for (PEP 562): what only estimates its memory needs the lowering alone."""
    if name != "NumpyEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fittool.engines.numpy_engine.engine import NumpyEngine

    globals()[name] = NumpyEngine
    return NumpyEngine
