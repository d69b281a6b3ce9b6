"""Finds the library of kernels that fits this processor and opens it, once in a process."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fittool.errors import MachineError
from fittool.kernels.compiling import LIBRARIES, library_name, sets_of, sources_digest
from fittool.kernels.signatures import SIGNATURES
from fittool.kernels.tasks import Layout, NativeTask, Scratch, layout_of

Choice = Literal["auto", "native", "numpy"]
CHOICES: tuple[Choice, ...] = ("auto", "native", "numpy")
NUMBERS = 1
"""Raised where kernels add in another order than before, so that runs that began with the old order say so."""
VARIABLE = "FITTOOL_KERNELS"
_INSTRUCTIONS = "FITTOOL_INSTRUCTION_SET"
_MEND = "Install fittool where a C++ compiler is found (pip install -e . compiles them), or use kernels: numpy"


class Library:
    """The kernels for one instruction set.

    Args:
        path: The file.
        instructions: The set's name.

    Raises:
        OSError: It cannot be opened, is of other sources than those beside it, or wants another processor.
    """

    def __init__(self, path: Path, instructions: str) -> None:
        self.path, self.instructions = path, instructions
        handle = ctypes.CDLL(str(path))
        handle.fittool_sources.restype = handle.fittool_kernel.restype = ctypes.c_char_p
        handle.fittool_kernel.argtypes = [ctypes.c_int64]
        handle.fittool_task_bytes.restype = handle.fittool_scratch.restype = handle.fittool_run.restype = ctypes.c_int64
        handle.fittool_scratch.argtypes, handle.fittool_run.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int64]
        if not handle.fittool_supported():
            raise OSError(f"this processor has no {instructions}")
        if handle.fittool_sources().decode() != sources_digest() or handle.fittool_task_bytes() != ctypes.sizeof(Layout):
            raise OSError("they were compiled from other sources; install fittool again")
        self._run: Callable[..., int] = handle.fittool_run
        self._scratch: Callable[..., int] = handle.fittool_scratch
        self._places: dict[str, int] = {}
        while (name := handle.fittool_kernel(len(self._places))) is not None:
            self._places[name.decode()] = len(self._places)

    @property
    def names(self) -> tuple[str, ...]:
        """The kernels that it holds."""
        return tuple(self._places)

    def task(self, name: str, scratch: Scratch | None = None, **arguments: Any) -> NativeTask:
        """A call of a kernel, checked; see `SIGNATURES` for what each takes.

        Args:
            name: The kernel.
            scratch: Gives (n,) float32 of memory in which nothing is kept; by default it is the task's own.
            arguments: Arrays, integers and numbers by name.

        Raises:
            ArgumentError: An argument does not fit.
        """
        layout, arrays = layout_of(name, self._places[name], SIGNATURES[name], arguments)
        if needed := self._scratch(ctypes.addressof(layout)):
            memory = _own_scratch(needed) if scratch is None else scratch(needed)
            layout.scratch = memory.ctypes.data
            arrays.append(memory)
        return NativeTask(self._run, layout, arrays)


def _own_scratch(needed: int) -> Any:
    import numpy as np

    return np.empty(needed, np.float32)


def choice_of(setting: Choice) -> Choice:
    """The choice in force: what the setting says, and where that is `auto`, what the variable FITTOOL_KERNELS says.

    Raises:
        MachineError: The variable holds something else.
    """
    if setting != "auto":
        return setting
    asked = os.environ.get(VARIABLE, "") or "auto"
    if asked not in CHOICES:
        raise MachineError(f"{VARIABLE}={asked}: expected one of {', '.join(CHOICES)}.")
    return asked


def open_library(setting: Choice = "auto") -> Library | None:
    """The kernels that a setting asks for; None where NumPy is to compute alone.

    Raises:
        MachineError: They are asked for by `native`, and there are none for this processor.
    """
    choice = choice_of(setting)
    if choice == "numpy":
        return None
    library, reason = find_library(os.environ.get(_INSTRUCTIONS, ""))
    if library is None and choice == "native":
        raise MachineError(f"engine.numpy.kernels: native needs compiled kernels, and there are none: {reason}. {_MEND}.")
    return library


@cache
def find_library(instructions: str = "") -> tuple[Library | None, str]:
    """The library for the widest instruction set that this processor has, or why there is none.

    Args:
        instructions: The name of the only set to look at; by default all that the processor may have.
    """
    known = [one.name for one in sets_of(platform.machine())]
    reasons = [] if instructions in ("", *known) else [f"{_INSTRUCTIONS} is {instructions}, not one of {', '.join(known)}"]
    for one in sets_of(platform.machine()):
        path = LIBRARIES / library_name(one)
        if instructions not in ("", one.name):
            continue
        if not path.exists():
            reasons.append(f"no {one.name} library was compiled when fittool was installed")
            continue
        try:
            return Library(path, one.name), ""
        except (OSError, AttributeError) as error:
            reasons.append(f"{one.name}: {error}")
    return None, "; ".join(reasons) or f"none are written for {platform.machine()}"


def report() -> str:
    """The state of the kernels, for `fittool doctor`."""
    choice = choice_of("auto")
    if choice == "numpy":
        return f"off, as {VARIABLE} says"
    library, reason = find_library(os.environ.get(_INSTRUCTIONS, ""))
    return f"none, NumPy computes alone ({reason})" if library is None else f"{library.instructions}"
