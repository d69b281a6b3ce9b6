"""Pydantic's complaints about an experiment, each at its place in the file, in file order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from fittool.config.experiment import STAGES, WHOLE
from fittool.config.yaml.source_map import Node, Placed, find
from fittool.errors import Problem

MOST_PROBLEMS = 20


def in_file_order(placed: Iterable[Placed]) -> tuple[Problem, ...]:
    """Problems by place: the files' in the order in which they were read, options last; repeated ones once."""
    order: dict[int, int] = {}
    unique = {(str(one.place), one.text): one for one in placed}.values()
    for one in unique:
        order.setdefault(id(one.place.source), len(order))
    return tuple(
        one.problem
        for one in sorted(
            unique, key=lambda one: (one.place.source.is_option, order[id(one.place.source)], one.place.line, one.place.column)
        )
    )


def limited(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The first twenty problems, and how many more there are."""
    if len(problems) <= MOST_PROBLEMS:
        return tuple(problems)
    more = Problem(f"… and {len(problems) - MOST_PROBLEMS} more.", exit_code=problems[0].exit_code)
    return (*problems[:MOST_PROBLEMS], more)


def problems_of(error: ValidationError, root: Node, top: type) -> list[Placed]:
    """Every complaint as a sentence with its place.

    Args:
        error: What pydantic found wrong with `root.data()`.
        root: The tree of the file.
        top: The description it was held against.
    """
    from fittool.settings.complaints import Subject, sentences  # only needed once something is wrong

    told = sentences(error.errors(include_url=False), Subject(top, root.data(), tags=(WHOLE, STAGES)))
    nodes = [find(root, one.at)[0] for one in told]
    places = [node.best_place if one.at_key else node.place for one, node in zip(told, nodes, strict=True)]
    return [Placed(place, one.text, one.path) for one, place in zip(told, places, strict=True)]
