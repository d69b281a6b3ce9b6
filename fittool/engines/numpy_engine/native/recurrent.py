"""Recurrent cells: one call takes a run of samples through all steps, forth or back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import Any

from fittool.engines.numpy_engine.activations import ACTIVATIONS
from fittool.engines.numpy_engine.native.base import NativeOperation, scratch_of
from fittool.engines.numpy_engine.operations.base import BatchPhase, Floats, OperationContext, Phase, SlicePhase
from fittool.engines.numpy_engine.operations.sequences.gated_recurrent import LongShortTermCell, ResetAfterCell, ResetBeforeCell
from fittool.engines.numpy_engine.operations.sequences.recurrent import Recurrent, SimpleCell
from fittool.kernels.library import Library
from fittool.kernels.tasks import NativeTask

_NAMES: dict[type[Recurrent], str] = {
    SimpleCell: "simple_cell",
    LongShortTermCell: "long_short_term_cell",
    ResetAfterCell: "reset_after_cell",
    ResetBeforeCell: "reset_before_cell",
}
_KEPT = {
    "simple_cell": (),
    "long_short_term_cell": ("carry", "squashed"),
    "reset_after_cell": ("recurrent_sums",),
    "reset_before_cell": ("reset",),
}
"""Arrays (T, N, units) of each cell that its forward half writes."""
_READ = {
    "simple_cell": (),
    "long_short_term_cell": ("carry", "squashed"),
    "reset_after_cell": ("previous", "recurrent_sums"),
    "reset_before_cell": ("previous", "seen"),
}
"""Those that its backward half reads."""
_WORTH_CUTTING = 1 << 24
"""Below this many floating-point operations the gradients of the weights stay in one piece."""
_PIECE, _PIECES = 32, 8
"""Rows of a piece, and the most pieces. However they are cut, each result is the same."""


class NativeRecurrent(NativeOperation[Recurrent]):
    """A recurrent layer with tanh and sigmoid.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
    """

    def __init__(self, plain: Recurrent, library: Library) -> None:
        super().__init__(plain, library)
        self.kernel = _NAMES[type(plain)]

    @staticmethod
    def fits(operation: Recurrent) -> bool:
        """Tell whether the activations are those that the kernels have."""
        is_sigmoid = operation.recurrent_activation is ACTIVATIONS["sigmoid"]
        return operation.activation is ACTIVATIONS["tanh"] and (is_sigmoid or not operation.squashed)

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The dropout of the state, then one chain for each run of samples."""
        plain = self.plain
        if plain.drops(context) and plain.dropout is not None:
            yield SlicePhase(partial(plain.dropout.draw_mask, context))
        yield BatchPhase([[self._walk(context, *one)] for one in enumerate(plain.chain_samples(context))])

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The walk back, one chain for each run of samples; then the weights' gradients, one for each block of rows."""
        yield BatchPhase([[self._walk_back(context, *one)] for one in enumerate(self.plain.chain_samples(context))])
        chains = list(enumerate(self._cuts(context)))
        yield BatchPhase([self._weight_gradients(context, number, *cut) for number, cut in chains])

    def _walk(self, context: OperationContext, chain: int, samples: slice) -> NativeTask:
        plain = self.plain
        bias = context.weights(plain.name("bias")) if plain.use_bias else None
        biases = () if bias is None or bias.ndim == 1 else (len(bias),)
        arrays = {
            "x": context.x[0][samples],
            **self._weights(context),
            "bias": None if bias is None else bias.reshape(*biases, plain.gates, plain.walk.units),
            "mask": self._mask(context, samples),
            "gates": self._gates(context, "gates", samples),
            "previous": self._kept(context, "previous", samples),
            "seen": self._kept(context, "seen", samples) if plain.drops(context) else None,
            "y": self._outputs(context.y, samples),
            **{name: self._kept(context, name, samples) for name in _KEPT[self.kernel]},
        }
        walk = {"backwards": plain.walk.backwards, "turned": plain.walk.turned}
        return self.library.task(self.kernel, scratch_of(context, chain), **arrays, **walk)

    def _walk_back(self, context: OperationContext, chain: int, samples: slice) -> NativeTask:
        assert context.dy is not None
        plain, dx = self.plain, context.dx[0]
        arrays = {
            **self._weights(context),
            "mask": self._mask(context, samples),
            "gates": self._gates(context, "gates", samples),
            "dy": self._outputs(context.dy, samples),
            "gradient": self._gates(context, "gradient", samples),
            "dx": None if dx is None else dx[samples],
            **{name: self._kept(context, name, samples) for name in _READ[self.kernel]},
        }
        if isinstance(plain, ResetAfterCell):
            arrays["slopes"] = self._gates(context, "slopes", samples)
        walk = {"backwards": plain.walk.backwards, "turned": plain.walk.turned}
        return self.library.task(f"{self.kernel}_gradient", scratch_of(context, chain), **arrays, **walk)

    def _weight_gradients(self, context: OperationContext, chain: int, first: int, stop: int) -> list[NativeTask]:
        """A block of rows of the gradients of kernel and recurrent kernel: the runs of samples add to it one after the other."""
        plain, walk = self.plain, self.plain.walk
        arrays: dict[str, Any] = {
            "dkernel": context.gradient(plain.name("kernel"), shape=(walk.inputs, plain.width)),
            "drecurrent": context.gradient(plain.name("recurrent_kernel"), shape=(walk.units, plain.width)),
        }
        if plain.use_bias and not first:
            biases = context.gradient(plain.name("bias")).reshape(-1, plain.width)
            arrays |= {"dbias": biases[0], "dsecond": biases[1] if len(biases) > 1 else None}
        tasks: list[NativeTask] = []
        for samples in plain.chain_samples(context):
            own = {"x": context.x[0][samples], "seen": self._kept(context, "seen", samples)}
            own["gradient"] = self._flat(context, "gradient", samples)
            if isinstance(plain, ResetAfterCell):
                own["slopes"] = self._flat(context, "slopes", samples)
            if isinstance(plain, ResetBeforeCell):
                own["reset"] = self._kept(context, "reset", samples)
            rows = {"backwards": walk.backwards, "first": first, "stop": stop, "fresh": not tasks}
            tasks.append(self.library.task("recurrent_gradients", scratch_of(context, chain), **arrays, **own, **rows))
        return tasks

    def _cuts(self, context: OperationContext) -> list[tuple[int, int]]:
        """The blocks of the kernel's rows, with the recurrent kernel's below."""
        size = self.plain.walk.inputs + self.plain.walk.units
        if self.flops_per_sample * context.batch < _WORTH_CUTTING:
            return [(0, size)]
        step = max(_PIECE, -(-size // _PIECES))
        return list(pairwise([*range(0, size, step), size]))

    def _weights(self, context: OperationContext) -> dict[str, Any]:
        plain, walk = self.plain, self.plain.walk
        names = {"kernel": ("kernel", walk.inputs), "recurrent": ("recurrent_kernel", walk.units)}
        shape = plain.gates, walk.units
        return {name: context.weights(plain.name(full), shape=(rows, *shape)) for name, (full, rows) in names.items()}

    def _mask(self, context: OperationContext, samples: slice) -> Floats | None:
        plain = self.plain
        return plain.dropout.mask(context)[samples] if plain.dropout is not None and plain.drops(context) else None

    def _kept(self, context: OperationContext, name: str, samples: slice) -> Floats:
        """(T, n, units); what the recurrent product sees is the state itself where none of it is dropped."""
        plain = self.plain
        array = plain.seen(context) if name == "seen" else plain.array(context, name, plain.walk.units)
        return plain.block(array, samples)

    def _flat(self, context: OperationContext, name: str, samples: slice) -> Floats:
        """(T, n, gates · units)."""
        return self.plain.block(self.plain.array(context, name, self.plain.width), samples)

    def _gates(self, context: OperationContext, name: str, samples: slice) -> Floats:
        """(T, n, gates, units)."""
        flat = self._flat(context, name, samples)
        return flat.reshape(*flat.shape[:2], self.plain.gates, self.plain.walk.units)

    def _outputs(self, array: Floats, samples: slice) -> Floats:
        """(n, S, units): the output's steps, all or the last."""
        return array[samples].reshape(samples.stop - samples.start, -1, self.plain.walk.units)
