"""The gradient of a table whose rows are picked by whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchPhase, OperationContext, Phase, SlicePhase
from fittool.engines.numpy_engine.operations.embedding import Embedding


class NativeEmbedding(NativeOperation[Embedding]):
    """Picks rows with NumPy, which copies them as fast as memory allows, and adds their gradients in the batch's order."""

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """As NumPy does it."""
        return self.plain.forward(context)

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """All samples at once."""
        assert context.dy is not None
        arrays = {
            "index": self.plain.indices(context).reshape(-1),
            "dy": context.dy.reshape(-1, self.plain.length),
            "dtable": context.gradient("embeddings"),
        }
        yield BatchPhase([[self.library.task("add_rows_by_number", None, **arrays)]])
        if context.dx[0] is not None:
            yield SlicePhase(partial(self.plain.no_gradient, context))
