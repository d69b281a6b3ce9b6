"""Every way fittool can fail on purpose, each with the exit code that the shell sees.

    FittoolError                  1   a bug, unless a more precise error below was raised
    ├── UsageError                2   the command line is wrong
    ├── ExperimentError           3   the experiment is wrong
    │   └── ArgumentError         3   so are the arguments of something that is made in Python
    ├── DataError                 4   data are wrong, missing or unreadable
    ├── CheckpointError           5   a checkpoint, run or model file was refused
    ├── MachineError              6   the machine lacks an extra, a device, memory, file handles
    ├── StorageError              7   storage is full, read-only or failing
    ├── RunInUseError             8   the run directory belongs to a live process
    ├── DivergedError             9   loss or weights are not finite
    ├── UserCodeError            10   a generator, callback or worker raised, hung or died
    ├── RequirementError         11   the finished run misses a --require
    ├── TimeLimitReached         75   stopped by --timeout, with a checkpoint
    ├── Interrupted           128+n   stopped by signal n, with a checkpoint
    └── OtherProcessError         n   another process of the same training failed; the code is that process's

An error holds one or more `Problem`s, so that everything wrong with a file is told at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

PACKAGE = os.path.dirname(__file__)
"""The folder of fittool itself, whose frames are not those of user code."""


def visible(text: str) -> str:
    """Text without control characters and line breaks, each written as its escape, so that it cannot disturb a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def shown(path: str | PathLike[str]) -> str:
    """A path as messages show it.

    What lies below the working directory is named from there; control characters and bytes that are no UTF-8 are escaped.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    with suppress(OSError):  # the working directory may be gone
        below = text.removeprefix(f"{os.getcwd()}{os.sep}")
        text = text if below.startswith("~") else below or text  # a shell reads ~ as the user's home
    return visible(text)


KeyPath = tuple[str | int, ...]
"""The way to a setting: keys of mappings, and indices of lists."""


def path_text(path: Sequence[object]) -> str:
    """A key path as it reads in messages: `model.layers[0].Dense.units`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{visible(str(step))}" if text else visible(str(step))
    return text


def shorten(text: str, limit: int = 60) -> str:
    """Escaped text of bounded length, for quoting what was found."""
    return visible(text if len(text) <= limit else text[: limit - 1] + "…")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        text: A whole sentence: what was expected, what was found, what to do.
        place: `file:line:column`, a file's path, or "" where no place can be named.
        excerpt: The offending source line with a caret below it, or "".
        exit_code: The exit code of this kind of problem; an error that gathers several kinds exits with the lowest.
        key: Which entry is wrong of a setting that is a mapping, for those who know where the setting stands.
    """

    text: str
    place: str = ""
    excerpt: str = ""
    exit_code: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        """The sentence behind its place, in one line without control characters, whatever names of files and columns hold."""
        return visible(f"{self.place}: {self.text}" if self.place else self.text)


class FittoolError(Exception):
    """The base of all errors that fittool raises on purpose."""

    code: ClassVar[int] = 1

    next_command: str = ""
    """The commands with which a user goes on from here, one a line; "" where there is none."""

    def __init__(self, problems: str | Problem | Sequence[Problem], *, place: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(problems, place)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[Any, ...]:
        """The way through pickle, by which processes hand errors to each other: as it is, without another call of `__init__`."""
        return _restored_error, (type(self), self.args, vars(self))

    @property
    def exit_code(self) -> int:
        """The exit code of the process: the lowest code among the problems."""
        return min(
            (self.code if problem.exit_code is None else problem.exit_code for problem in self.problems), default=self.code
        )


def _restored_error(kind: type[FittoolError], arguments: tuple[Any, ...], state: dict[str, Any]) -> FittoolError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(state)
    return error


class UsageError(FittoolError):
    """The command line is wrong: a bad option, a bad `--set`, a missing CONFIG."""

    code = 2


class ExperimentError(FittoolError, ValueError):
    """The experiment is wrong: a setting, a name, a shape, labels against outputs."""

    code = 3


class ArgumentError(ExperimentError, TypeError):
    """Arguments in Python are wrong; a ValueError and a TypeError, because Keras raises now the one, now the other."""


class DataError(FittoolError, ValueError):
    """Data are wrong, missing or unreadable."""

    code = 4


class CheckpointError(FittoolError):
    """A checkpoint, run or model file was refused."""

    code = 5


class MachineError(FittoolError):
    """The machine lacks something: an extra (the text says the pip command), a device, memory, file handles."""

    code = 6


class StorageError(FittoolError):
    """Storage is full, read-only or failing; the last good checkpoint is intact."""

    code = 7


class RunInUseError(FittoolError):
    """The run directory is in use by a live process."""

    code = 8


class DivergedError(FittoolError):
    """Training diverged: the loss or the weights are not finite."""

    code = 9


class UserCodeError(FittoolError):
    """User code failed: a generator, callback or worker raised, hung or died."""

    code = 10


class RequirementError(FittoolError):
    """The finished run does not meet a `--require`."""

    code = 11


class TimeLimitReached(FittoolError):
    """The run was stopped by `--timeout`, with a checkpoint."""

    code = 75


class Interrupted(FittoolError):
    """The run was stopped by a signal, with a checkpoint at the current step."""

    def __init__(self, signal_number: int, text: str = "") -> None:
        self.signal_number = signal_number
        super().__init__(text or f"Stopped by {signal.Signals(signal_number).name}.")

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as a shell reports a death by signal."""
        return 128 + self.signal_number


class OtherProcessError(FittoolError):
    """Another process of the same training failed, and this one cannot go on without it.

    Args:
        problems: The other's, which say which process it was.
        exit_code: The other's.
        details: A traceback, where it was a bug; else "".
    """

    def __init__(self, problems: str | Problem | Sequence[Problem], exit_code: int, details: str = "") -> None:
        super().__init__(problems)
        self._exit_code, self.details = exit_code, details

    @property
    def exit_code(self) -> int:
        """The code of the process that failed."""
        return self._exit_code


class SettingWarning(UserWarning):
    """Settings of a model in Python that are right each on its own, and make no sense together.

    The experiment file tells the same, most of it as errors.
    """
