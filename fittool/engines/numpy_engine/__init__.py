"""The engine that needs nothing but NumPy: every step is a fixed list of NumPy calls on arrays made once.

`lowering` turns a graph into operations, `program` cuts a batch into slices and lists the calls, `threads` runs them.
"""

from fittool.engines.numpy_engine.engine import NumpyEngine

__all__ = ["NumpyEngine"]
