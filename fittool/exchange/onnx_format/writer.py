"""The parts of an ONNX graph while it is being written: operations in order, constants once each, names that are unique."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.nn.shapes import Shape

OPSET, ML_OPSET, IR_VERSION = 18, 3, 8
"""The versions that the file asks of a runtime: those of onnxruntime 1.14 and later know it."""
ML = "ai.onnx.ml"


@dataclass(frozen=True)
class Value:
    """An array in the graph, (N, …).

    Attributes:
        name: In the graph.
        shape: Without the batch axis, in Keras's order of axes.
        channels_first: Whether the channels lie behind the batch axis in the graph, as ONNX's convolutions want them.
    """

    name: str
    shape: Shape
    channels_first: bool = False

    def axis(self, place: int) -> int:
        """The axis in the graph of a place in `shape`."""
        if not self.channels_first:
            return place + 1
        return 1 if place == len(self.shape) - 1 else place + 2

    def lay_out(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array of as many axes as `shape`, in the graph's order of axes, without the batch axis."""
        return np.moveaxis(array, -1, 0) if self.channels_first else array


class GraphWriter:
    """An ONNX graph that grows.

    Attributes:
        nodes: The operations, each after what it takes.
        initializers: The constants by name.
        prefix: What stands before all names of one of several networks.
        scope: The layer that is being written.
    """

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self._constants: dict[tuple[str, Shape, bytes], str] = {}
        self._turned: dict[str, str] = {}
        self._taken: set[str] = set()
        self.prefix, self.scope = "", ""

    def reserve(self, name: str) -> str:
        """A name that nothing else gets."""
        number, free = 0, name
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free

    def add(self, kind: str, *inputs: str, domain: str = "", result: str | None = None, **attributes: Any) -> str:
        """An operation with one result, whose name is returned.

        Args:
            kind: ONNX's name of it.
            inputs: Names; "" for one that is left out.
            domain: Of the operation.
            result: The name of what it gives; by default one made of the layer's name and of `kind`.
            attributes: As ONNX names them.
        """
        return self.add_several(kind, inputs, 1, domain=domain, results=None if result is None else [result], **attributes)[0]

    def add_several(
        self,
        kind: str,
        inputs: Sequence[str],
        count: int,
        *,
        domain: str = "",
        results: Sequence[str] | None = None,
        **attributes: Any,
    ) -> list[str]:
        """An operation with several results; arguments as of `add`."""
        name = self.reserve(self._within(kind))
        made = list(results or ([name] if count == 1 else [self.reserve(f"{name}:{number}") for number in range(count)]))
        self.nodes.append(self._helper.make_node(kind, list(inputs), made, name=name, domain=domain, **attributes))
        return made

    def _within(self, name: str) -> str:
        return f"{self.prefix}{self.scope}/{name}" if self.scope else f"{self.prefix}{name}"

    def forget(self, result: str) -> None:
        """Leave out a result of the operation that was written last: nobody reads it."""
        outputs = self.nodes[-1].output
        outputs[list(outputs).index(result)] = ""
        while outputs and not outputs[-1]:
            outputs.pop()

    def constant(self, array: Any, dtype: Any = None, name: str = "constant") -> str:
        """The name of a constant; equal ones are kept once."""
        value = np.ascontiguousarray(array, dtype) if np.ndim(array) else np.asarray(array, dtype)
        content = repr(value.tolist()).encode() if value.dtype.kind == "U" else value.tobytes()
        key = (value.dtype.str, value.shape, hashlib.sha256(content).digest())  # a digest, as weights may be large
        if key not in self._constants:
            made = self.reserve(self._within(name))
            held = value.astype(object) if value.dtype.kind == "U" else value
            self.initializers[made] = self._numpy.from_array(held, made)
            self._constants[key] = made
        return self._constants[key]

    def ints(self, *values: int) -> str:
        """The name of a constant (K,) int64, such as a shape or axes."""
        return self.constant(np.array(values, np.int64), name="numbers")

    def cast(self, name: str, dtype: type) -> str:
        """The array as another type."""
        to = self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", name, to=to)

    def turn(self, name: str, order: Sequence[int]) -> str:
        """The array with its axes in another order, the batch axis among them."""
        return name if list(order) == sorted(order) else self.add("Transpose", name, perm=list(order))

    def reshape(self, name: str, *shape: int) -> str:
        """The array in another shape behind the batch axis, (N, *shape)."""
        return self.add("Reshape", name, self.ints(0, *shape))

    def channels_first(self, value: Value) -> Value:
        """The array with the channels behind the batch axis."""
        return value if value.channels_first else self._turn_over(value)

    def channels_last(self, value: Value) -> Value:
        """The array in Keras's order of axes."""
        return self._turn_over(value) if value.channels_first else value

    def _turn_over(self, value: Value) -> Value:
        """The array in the other layout; turned once, whoever asks."""
        if len(value.shape) < 2:
            return Value(value.name, value.shape, not value.channels_first)
        if value.name not in self._turned:
            rank = len(value.shape) + 1
            order = [0, *range(2, rank), 1] if value.channels_first else [0, rank - 1, *range(1, rank - 1)]
            other = self.turn(value.name, order)
            self._turned |= {value.name: other, other: value.name}
        return Value(self._turned[value.name], value.shape, not value.channels_first)
