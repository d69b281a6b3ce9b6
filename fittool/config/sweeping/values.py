"""The values of a sweep, laid over the experiment: each is checked as if the file had it, and told at its line in the section."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fittool.config.checks import value_names
from fittool.config.experiment import Experiment
from fittool.config.sweeping.section import HyperbandPruner, Range, SuccessiveHalvingPruner, Sweep
from fittool.config.written import Written
from fittool.config.yaml.file_references import with_absolute_paths
from fittool.config.yaml.inheritance import lay, path_of_key
from fittool.config.yaml.short_forms import expand
from fittool.config.yaml.source_map import Node, Placed, without
from fittool.config.yaml.writer import flow_text
from fittool.errors import Problem, UsageError, shorten
from fittool.settings import nearest_name

_PATH = ("sweep", "parameters")
MOST_OF_A_GRID = 1_000_000
Judge = Callable[[Node], list[Placed]]
"""Everything that is wrong with a tree."""


def with_values(root: Node, values: Mapping[str, Node]) -> Node:
    """The tree of an experiment without its sweep, each setting of which has the value that is tried.

    Nobody is told of the end of a trial, so `notify` is left out, too.

    Args:
        root: The tree with the sweep.
        values: By the dotted key, each with its place.

    Raises:
        UsageError: A key is unknown, or leads to a place that does not exist.
    """
    tree = without(without(root, ("sweep",)), ("notify",))
    for key, value in values.items():
        tree = lay(tree, key, value, Experiment)
    return with_absolute_paths(expand(tree, Experiment))


def node_of(root: Node, key: str, value: Any) -> Node:
    """A value of a parameter with its place: that of the list's item, else that of the range.

    Args:
        root: The tree with the sweep.
        key: The parameter.
        value: As plain data.
    """
    parameter = _parameters(root).get(key, root)
    if isinstance(parameter.value, list):
        for item in parameter.value:
            if text_of(item.data()) == text_of(value):
                return item
    return Node(value, parameter.place)


def text_of(value: Any) -> str:
    """A value as a file would have it, in one line; `1`, `1.0` and `true` differ."""
    return flow_text(value)


def sweep_problems(written: Written, judge: Judge) -> Iterator[Placed]:
    """Everything that is wrong with a sweep, beside the form of its section.

    Args:
        written: The experiment, which has nothing else that is wrong.
        judge: Finds what is wrong with the experiment when a value is tried.
    """
    sweep = written.experiment.sweep
    assert sweep is not None
    yield from _metric(written, sweep)
    yield from _method(written, sweep)
    keys = list(sweep.parameters)
    for key in keys:
        wrong = list(_key(written, key, keys))
        yield from wrong or _values(written, key, judge)


def _parameters(root: Node) -> dict[str, Node]:
    node = root.child("sweep")
    node = None if node is None else node.child("parameters")
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _metric(written: Written, sweep: Sweep) -> Iterator[Placed]:
    known = value_names(written.experiment)
    may_grow = any(callback.adds_to_logs for _, callback in written.experiment.all_callbacks())
    if sweep.metric is not None and sweep.metric not in known and not may_grow:
        near = nearest_name(sweep.metric, list(known))
        mend = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
        yield written.problem(("sweep", "metric"), f"sweep.metric is {sweep.metric}, which is not computed. {mend}")


def _method(written: Written, sweep: Sweep) -> Iterator[Placed]:
    """What a method cannot do."""
    if isinstance(sweep.pruner, SuccessiveHalvingPruner | HyperbandPruner) and sweep.method != "tpe":
        text = f"sweep.pruner {sweep.pruner.public_name()} is Optuna's, for method tpe. Take median for method {sweep.method}."
        yield written.problem(("sweep", "pruner"), text)
    if sweep.method != "grid":
        return
    size = 1
    for key, parameter in sweep.parameters.items():
        count = parameter.count if isinstance(parameter, Range) else len(parameter)
        if count is None or (isinstance(parameter, Range) and parameter.log):
            text = f"sweep.parameters.{key} has no end of values for method grid. Give a list, or a step without log."
            yield written.problem((*_PATH, key), text)
            return
        size *= count
    if size > MOST_OF_A_GRID:
        text = f"The grid has {size:,} combinations, more than {MOST_OF_A_GRID:,}. Take fewer values, or method random."
        yield written.problem(_PATH, text)


def _key(written: Written, key: str, keys: list[str]) -> Iterator[Placed]:
    path = path_of_key(key)
    if path[0] in ("sweep", "extends"):
        yield written.problem((*_PATH, key), f"sweep.parameters.{key} cannot be varied.")
    for other in keys:
        if other != key and path_of_key(other) == path[: len(path_of_key(other))]:
            where = written.said(*_PATH, other)
            text = f"sweep.parameters.{key} is a part of {other} ({where}), which is varied as a whole. Remove one of them."
            yield written.problem((*_PATH, key), text)


def _values(written: Written, key: str, judge: Judge) -> Iterator[Placed]:
    """What is wrong with single values; of a range its ends are tried."""
    assert written.experiment.sweep is not None
    seen: dict[str, Node] = {}
    for node in _tried(written, key):
        text = text_of(node.data())
        if text in seen:
            yield Placed(node.place, f"{shorten(text)} is listed twice, first at {seen[text].place}.", (*_PATH, key))
            continue
        seen[text] = node
        try:
            found = judge(with_values(written.root, {key: node}))
        except UsageError as error:
            yield from (Placed(node.place, problem.text, (*_PATH, key)) for problem in error.problems)
            return  # the key is wrong, and so it is with each value
        yield from (_at_value(node, key, one) for one in found)


def _tried(written: Written, key: str) -> Iterator[Node]:
    node = _parameters(written.root)[key]
    sweep = written.experiment.sweep
    parameter = None if sweep is None else sweep.parameters[key]
    if isinstance(parameter, Range):
        for name, value in (("low", parameter.low), ("high", parameter.last)):
            end = node.child(name)
            yield Node(value, node.place if end is None else end.place)
    else:
        yield from (child for _, child in node.children())


def _at_value(node: Node, key: str, found: Placed) -> Placed:
    """A problem at the value that is tried, wherever it was found."""
    if found.place in set(_places(node)):
        return replace(found, path=(*_PATH, key))
    return Placed(node.place, f"With {key}: {shorten(text_of(node.data()))}, {_lowered(found.problem)}", (*_PATH, key))


def _places(node: Node) -> Iterator[Any]:
    yield node.place
    for _, child in node.children():
        yield from _places(child)


def _lowered(problem: Problem) -> str:
    return f"{problem.text} ({problem.place})"
