"""Gives errors of the parts the place of the setting that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fittool.errors import FittoolError
from fittool.spec.experiment_file import LoadedExperiment


@contextmanager
def blaming(loaded: LoadedExperiment, *path: str | int) -> Iterator[None]:
    """Within this context, problems without a place get that of a setting; those that name a file keep it."""
    try:
        yield
    except FittoolError as error:
        if all(problem.place for problem in error.problems):
            raise
        code = error.exit_code
        problems = [
            problem if problem.place else replace(loaded.problem(problem.text, *path), exit_code=code) for problem in error.problems
        ]
        placed = type(error)(problems)
        raise placed.with_traceback(error.__traceback__) from error
