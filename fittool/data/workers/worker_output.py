"""Output of user code while workers run it: kept off the terminal, where it would tear the display, and passed on by lines."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from types import TracebackType
from typing import Any, TextIO, cast

THREADS = "fittool-data"
"""The beginning of worker threads' names."""
OUTPUT = logging.getLogger("fittool.workers")
"""The output of user code in worker processes, line by line; without a handler it goes to stderr."""


class WorkerOutput:
    """Within this context what workers print, be they threads or processes, is kept, line by line, until it is known where to.

    What nobody wanted goes to stderr in the end.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._write: Callable[[str], object] = self._lines.append
        self._context = ExitStack()

    def goes_to(self, write: Callable[[str], object]) -> None:
        """From now on each line goes there, after those that came before."""
        for line in self._lines:
            write(line)
        self._lines.clear()
        self._write = write

    def __enter__(self) -> WorkerOutput:
        """Stand between workers and the terminal."""
        handler = _Handler(self._say)
        OUTPUT.addHandler(handler)
        OUTPUT.propagate = False
        self._context.callback(setattr, OUTPUT, "propagate", True)
        self._context.callback(OUTPUT.removeHandler, handler)
        for redirect, stream in ((redirect_stdout, sys.stdout), (redirect_stderr, sys.stderr)):
            self._context.enter_context(redirect(cast("TextIO", _ByThread(stream, self._say))))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the streams back."""
        self._context.close()
        for line in self._lines:
            print(line, file=sys.stderr)

    def _say(self, line: str) -> None:
        self._write(line)


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


class _ByThread:
    """A stream that worker threads write elsewhere; for all others it is the stream that it stands for."""

    def __init__(self, stream: TextIO, say: Callable[[str], object]) -> None:
        self._stream, self._say = stream, say
        self._begun = threading.local()

    def write(self, text: str) -> int:
        """Write, or say each line that is complete."""
        name = threading.current_thread().name
        if not name.startswith(THREADS):
            return self._stream.write(text)
        *lines, rest = (getattr(self._begun, "text", "") + text).split("\n")
        self._begun.text = rest
        for line in lines:
            self._say(f"worker {name.rpartition('_')[2]}: {line}")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the stream has."""
        return getattr(self._stream, name)
