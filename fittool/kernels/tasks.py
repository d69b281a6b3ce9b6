"""The one checked way to a kernel: what is not right in shape, type or place in memory never reaches a raw pointer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAYS, SIZES, NUMBERS = 12, 32, 8
Array = NDArray[Any]
Scratch = Callable[[int], Array]


class Layout(ctypes.Structure):
    """A call as `source/task.h` declares it."""

    _fields_ = (
        ("kernel", ctypes.c_int64),
        ("arrays", ctypes.c_void_p * ARRAYS),
        ("sizes", ctypes.c_int64 * SIZES),
        ("numbers", ctypes.c_double * NUMBERS),
        ("scratch", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Parameter:
    """An array of a kernel.

    Attributes:
        name: As the formula calls it.
        axes: A letter or word for each axis; the same word means the same length, in all arrays.
        dtype: Of its elements.
        optional: Whether it may be left out.
        written: Whether the kernel writes to it.
        shares: The arrays with which it may share all of its memory, place by place.
    """

    name: str
    axes: tuple[str, ...]
    dtype: np.dtype[Any]
    optional: bool
    written: bool
    shares: tuple[str, ...]


_TYPES = {"": np.float32, "i32": np.int32, "u32": np.uint32, "i64": np.int64, "u8": np.uint8, "f64": np.float64}


@cache
def parameter(text: str) -> Parameter:
    """A parameter from its notation: `name[?][!][=other,…]:axes[:type]`, `?` optional, `!` written, `=` may share memory."""
    head, axes, *kind = text.split(":")
    name, _, shares = head.partition("=")
    plain = name.rstrip("?!")
    marks = name[len(plain) :]
    dtype = np.dtype(_TYPES[kind[0] if kind else ""])
    return Parameter(plain, tuple(axes.split(",")), dtype, "?" in marks, "!" in marks, tuple(filter(None, shares.split(","))))


@dataclass(frozen=True)
class Signature:
    """The arguments of a kernel, in the order in which `source/` reads them.

    Attributes:
        arrays: In the notation of `parameter`; the axes become sizes in the order in which they are first named.
        integers: Further sizes, behind the axes, each at least as large as given here.
        numbers: Floating-point arguments.
    """

    arrays: tuple[str, ...]
    integers: Mapping[str, int]
    numbers: tuple[str, ...] = ()

    @cached_property
    def _parameters(self) -> list[Parameter]:
        return [parameter(text) for text in self.arrays]

    @cached_property
    def names(self) -> frozenset[str]:
        """Everything that it takes."""
        return frozenset({*(one.name for one in self._parameters), *self.integers, *self.numbers})

    @cached_property
    def needed(self) -> frozenset[str]:
        """What cannot be left out."""
        return self.names - {one.name for one in self._parameters if one.optional}

    def parameters(self) -> list[Parameter]:
        """The arrays, taken apart."""
        return self._parameters


class NativeTask:
    """One call of a kernel with its arrays, which it keeps alive.

    Args:
        run: The library's function.
        layout: The call, filled in.
        arrays: Everything that the layout points to.
    """

    __slots__ = ("_run", "arrays", "layout")

    def __init__(self, run: Callable[..., int], layout: Layout, arrays: Sequence[Array]) -> None:
        self._run, self.layout, self.arrays = run, layout, arrays

    def __call__(self) -> None:
        """Run it alone."""
        if faults := self._run(ctypes.byref(ctypes.pointer(self.layout)), 1):
            report_faults(faults)


def join_tasks(tasks: Sequence[NativeTask]) -> Callable[[], None]:
    """One call that runs tasks of one library one after the other, without Python in between."""
    pointers = (ctypes.POINTER(Layout) * len(tasks))(*(ctypes.pointer(task.layout) for task in tasks))
    run, count, address = tasks[0]._run, len(tasks), ctypes.addressof(pointers)

    def call(_: object = (pointers, tuple(tasks))) -> None:
        faults = run(address, count)
        if faults:
            report_faults(faults)

    return call


_FAULTS = {1: ("over", "overflow"), 2: ("divide", "divide by zero"), 4: ("invalid", "invalid value")}


def report_faults(faults: int) -> None:
    """Tell what is wrong with the arithmetic in the way that NumPy is set to in this thread, as its own calls would."""
    modes, call = dict(np.geterr()), np.geterrcall()
    for bit, (kind, name) in _FAULTS.items():
        if faults & bit and modes[kind] == "call" and callable(call):
            call(name, bit)


class ArgumentError(ValueError):
    """An array that a kernel would misread."""


def layout_of(name: str, place: int, signature: Signature, arguments: Mapping[str, Any]) -> tuple[Layout, list[Array]]:
    """Check the arguments of a kernel and lay them out.

    Args:
        name: The kernel's, for messages.
        place: Its place in the library's table.
        signature: What it takes.
        arguments: Arrays, integers and numbers by name; optional arrays may be None.

    Raises:
        ArgumentError: An argument is missing, unknown or does not fit.
    """
    parameters = signature.parameters()
    _check_names(name, signature, arguments)
    layout, arrays, axes = Layout(kernel=place), dict[str, Array](), dict[str, int | None]()
    for number, one in enumerate(parameters):
        if one.optional and arguments.get(one.name) is None:
            for axis in one.axes:
                if not axis.isdecimal():
                    axes.setdefault(axis, None)
            continue
        array = _check_array(name, one, arguments[one.name])
        _bind(name, one, array, axes)
        arrays[one.name] = array
        layout.arrays[number] = array.ctypes.data
    _check_sharing(name, parameters, arrays)
    sizes = [length or 0 for length in axes.values()]
    sizes += [_integer(name, key, arguments[key], least) for key, least in signature.integers.items()]
    for number, size in enumerate(sizes):
        layout.sizes[number] = size
    for number, key in enumerate(signature.numbers):
        layout.numbers[number] = float(arguments[key])
    return layout, list(arrays.values())


def _check_names(name: str, signature: Signature, arguments: Mapping[str, Any]) -> None:
    if unknown := arguments.keys() - signature.names:
        raise ArgumentError(f"{name} takes no {', '.join(sorted(unknown))}; it takes {', '.join(sorted(signature.names))}.")
    if missing := signature.needed - arguments.keys():
        raise ArgumentError(f"{name} needs {', '.join(sorted(missing))}.")


def _check_array(name: str, one: Parameter, array: Any) -> Array:
    if not isinstance(array, np.ndarray):
        raise ArgumentError(f"{name}: {one.name} must be an array, not {type(array).__name__}.")
    if array.dtype != one.dtype:
        raise ArgumentError(f"{name}: {one.name} must be of {one.dtype}, not {array.dtype}.")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ArgumentError(f"{name}: {one.name} must be one aligned run of memory; its strides are {array.strides}.")
    if one.written and not array.flags.writeable:
        raise ArgumentError(f"{name}: {one.name} must be writeable.")
    return array


def _bind(name: str, one: Parameter, array: Array, axes: dict[str, int | None]) -> None:
    """Give each axis its length, the same in all arrays; those of an array left out are open."""
    if array.ndim != len(one.axes):
        raise ArgumentError(f"{name}: {one.name} must have the axes {', '.join(one.axes)}, not the shape {array.shape}.")
    for axis, length in zip(one.axes, array.shape, strict=True):
        if axis.isdecimal():
            if length != int(axis):
                raise ArgumentError(f"{name}: {one.name} has the shape {array.shape}, but an axis must be {axis}.")
        elif axes.get(axis) in (None, length):
            axes[axis] = length
        else:
            raise ArgumentError(f"{name}: {one.name} has the shape {array.shape}, but {axis} is {axes[axis]} elsewhere.")


def _check_sharing(name: str, parameters: Sequence[Parameter], arrays: Mapping[str, Array]) -> None:
    """What is written shares no memory with anything, but where place by place the same is meant."""
    for one in parameters:
        if not one.written or one.name not in arrays:
            continue
        for other, array in arrays.items():
            if other == one.name or not np.may_share_memory(arrays[one.name], array):
                continue
            same = array.ctypes.data == arrays[one.name].ctypes.data and array.nbytes == arrays[one.name].nbytes
            if not (same and other in one.shares):
                raise ArgumentError(f"{name}: {one.name} and {other} share memory.")


def _integer(name: str, key: str, value: Any, least: int) -> int:
    if isinstance(value, bool | np.bool_):
        value = int(value)
    if not isinstance(value, int | np.integer) or not least <= value < 1 << 40:
        raise ArgumentError(f"{name}: {key} must be a whole number from {least}, not {value!r}.")
    return int(value)
