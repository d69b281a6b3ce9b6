"""Gives errors of the parts the place of the setting that they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import ExperimentError, FittoolError, Problem


@contextmanager
def error_location(loaded: LoadedExperiment, *path: str | int, own: Mapping[str, str] | None = None) -> Iterator[None]:
    """Within this context, problems without a place get that of a setting; those that name a file keep it.

    Args:
        loaded: The experiment.
        path: The setting.
        own: Files and folders that the setting itself names, with the key below it that does: what is wrong with these
            is wrong with the setting.
    """
    try:
        yield
    except FittoolError as error:
        code = error.exit_code
        placed = type(error)([_place(loaded, path, own or {}, problem, code) for problem in error.problems])
        raise placed.with_traceback(error.__traceback__) from error


def _place(loaded: LoadedExperiment, path: tuple[str | int, ...], own: Mapping[str, str], problem: Problem, code: int) -> Problem:
    if not problem.place:
        entry = () if problem.key is None else (problem.key,)
        placed = loaded.problem(problem.text, *path, *entry)
        # A wrong setting that was given by --set is a wrong command line; missing data are missing data, whoever names them.
        return placed if code == ExperimentError.code else replace(placed, exit_code=code)
    if problem.place not in own:
        return problem
    return replace(loaded.problem(f"{problem.place}: {problem.text}", *path, own[problem.place]), exit_code=code)
