"""The engine on PyTorch: processors and graphics cards, with automatic derivatives and the formulas of Keras.

`lowering` turns a graph into calls, by the table in `layers`, `program` runs them; `parameters` holds the weights, all of them
leaves of the derivative, `optimizers` and `optimizer_step` move them, `losses_and_metrics` measures, `device` says where and in
which precision. Only the registry of engines enters. It knows `nn` and the engines' common files, no other engine, no epoch and
no file. Nothing in a step waits for a device: what is asked of a loss or a metric stays there until someone reads it.
"""

from fittool.engines.torch_engine.engine import TorchEngine

__all__ = ["TorchEngine"]
