"""Gives errors of the parts the place of the setting that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fittool.errors import FittoolError, Problem
from fittool.spec.experiment_file import LoadedExperiment


@contextmanager
def blaming(loaded: LoadedExperiment, *path: str | int, own: tuple[str, ...] = ()) -> Iterator[None]:
    """Within this context, problems without a place get that of a setting; those that name a file keep it.

    Args:
        loaded: The experiment.
        path: The setting.
        own: Files and folders that the setting itself names: what is wrong with these is wrong with the setting.
    """
    try:
        yield
    except FittoolError as error:
        code = error.exit_code
        placed = type(error)([_placed(loaded, path, own, problem, code) for problem in error.problems])
        raise placed.with_traceback(error.__traceback__) from error


def _placed(loaded: LoadedExperiment, path: tuple[str | int, ...], own: tuple[str, ...], problem: Problem, code: int) -> Problem:
    if problem.place and problem.place not in own:
        return problem
    text = f"{problem.place}: {problem.text}" if problem.place else problem.text
    return replace(loaded.problem(text, *path), exit_code=code)
