"""Functions from a user's file: loaded by path, never through the import path, and their failures told with file and line."""

from __future__ import annotations

import inspect
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from fittool.errors import PACKAGE, ExperimentError, FittoolError, UserCodeError, shown
from fittool.settings import nearest_name

_PREFIX = "fittool user code "


def load_function(reference: str, base_directory: Path) -> Callable[..., object]:
    """The function that `module:function` names.

    Args:
        reference: The module is a file, with or without `.py`, relative to `base_directory`.
        base_directory: The folder of the experiment.

    Raises:
        ExperimentError: The form is wrong, or the file or function is not there.
        UserCodeError: The file cannot be run.
    """
    module_name, _, function_name = reference.rpartition(":")
    if not module_name or not function_name.isidentifier():
        raise ExperimentError(f"{reference!r} must have the form module:function, such as my_data:batches.")
    path = base_directory / (module_name if module_name.endswith(".py") else f"{module_name}.py")
    if not path.is_file():
        raise ExperimentError(f"There is no file {shown(path)} for {reference!r}.")
    module = _run(path)
    function = getattr(module, function_name, None)
    if not callable(function):
        near = nearest_name(function_name, [name for name, value in vars(module).items() if inspect.isfunction(value)])
        raise ExperimentError(f"{shown(path)} has no function {function_name}.{f' Did you mean {near}?' if near else ''}")
    return function  # type: ignore[no-any-return]


def _run(path: Path) -> ModuleType:
    """The module in a file; run from its source, so that nothing is written beside it."""
    module = ModuleType(f"{_PREFIX}{path}")
    module.__file__ = os.fspath(path)
    sys.modules[module.__name__] = module  # where dataclasses look for it
    with blame(f"{shown(path)} cannot be loaded", [os.fspath(path)]):
        exec(compile(path.read_bytes(), path, "exec", dont_inherit=True), vars(module))
    return module


def origin(value: object) -> tuple[str, str] | None:
    """The file and the name of a function or class of user code, by which another process finds it; None for all else."""
    if not isinstance(value, type | FunctionType) or not str(value.__module__).startswith(_PREFIX):
        return None
    return value.__module__.removeprefix(_PREFIX), value.__qualname__


def user_object(path: str, name: str) -> Any:
    """The object that `origin` has named; its file is run the first time.

    Raises:
        AttributeError: It was defined within a function, where nobody else can find it.
    """
    module = sys.modules.get(f"{_PREFIX}{path}") or _run(Path(path))
    return attrgetter(name)(module)


def check_arguments(function: Callable[..., object], arguments: Mapping[str, object], reference: str) -> None:
    """Refuse arguments that a function does not take, before it is called.

    Raises:
        ExperimentError: An argument is unknown or missing; names the nearest.
    """
    try:
        # Some functions that are written in C tell nothing of their arguments.
        signature = inspect.signature(function)
    except ValueError:
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        unknown = [name for name in arguments if name not in signature.parameters]
        near = nearest_name(unknown[0], list(signature.parameters)) if unknown else None
        mend = f" Did you mean {near}?" if near else f" Its arguments are {signature}."
        raise ExperimentError(f"{reference} cannot be called with these arguments: {error}.{mend}") from error


@contextmanager
def blame(what: str, files: list[str] | None = None) -> Iterator[None]:
    """Turns whatever user code raises into a `UserCodeError` that names its file and line, and puts the working directory back.

    Args:
        what: The beginning of the sentence ("my_data:batches failed in batch 3").
        files: Where the fault is looked for first; by default any file outside of fittool.
    """
    folder = _working_directory()
    try:
        yield
    except FittoolError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception | SystemExit) and threading.current_thread() is threading.main_thread():
            raise  # someone wants the program to end; in another thread it can only be the user's code that does
        text = " ".join(_message(error).split()) or "no message"
        raise UserCodeError(f"{what}: {type(error).__name__}: {text}", place=_place(error, files)) from error
    finally:
        if folder is not None and _working_directory() != folder:
            # Every relative path of the run would mean another file if the folder stayed changed.
            os.chdir(folder)


def _working_directory() -> str | None:
    """The working directory; None where it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _message(error: BaseException) -> str:
    """The text of an exception; one whose own `__str__` fails says nothing."""
    try:
        return str(error)
    except Exception:
        return ""


def _place(error: BaseException, files: list[str] | None) -> str:
    """`file:line` of the innermost frame in the user's own files."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename in (files or ())]
    own = own or [frame for frame in frames if not frame.filename.startswith(PACKAGE) and "site-packages" not in frame.filename]
    return f"{shown(own[-1].filename)}:{own[-1].lineno}" if own else ""


def file_of(function: Callable[..., Any]) -> list[str]:
    """The file that a function was written in, in a list; empty where it has none."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return [code.co_filename] if code is not None else []
