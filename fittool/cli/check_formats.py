"""The findings of `check` for machines: annotations of GitHub's workflows, or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fittool.errors import Problem, visible

_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d+):(?P<column>\d+)")
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def finding(problem: Problem, severity: str, config: str) -> dict[str, Any]:
    """A problem as plain data: `severity`, `file`, `line` and `column` (null where none can be named), `message`.

    Args:
        problem: The problem.
        severity: `error` or `warning`.
        config: The experiment file, for problems that name no place in a file.
    """
    place = _PLACE.fullmatch(problem.place)
    file, line, column = (config, None, None) if place is None else (place["file"], int(place["line"]), int(place["column"]))
    elsewhere = f"{problem.place}: " if place is None and problem.place else ""
    return {"severity": severity, "file": file, "line": line, "column": column, "message": visible(elsewhere + problem.text)}


def github_lines(findings: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """A workflow command for each finding, which GitHub shows beside the line of the file."""
    for one in findings:
        known = {"file": one["file"], "line": one["line"], "col": one["column"]}
        told = ",".join(f"{name}={str(value).translate(_PROPERTY)}" for name, value in known.items() if value is not None)
        yield f"::{one['severity']} {told}::{one['message'].translate(_MESSAGE)}"


def findings_of(errors: Sequence[Problem], warnings: Sequence[Problem], config: str) -> list[dict[str, Any]]:
    """All findings about one experiment, errors first."""
    return [finding(one, kind, config) for kind, found in (("error", errors), ("warning", warnings)) for one in found]
