"""Loading an experiment: read, extend, override, resolve paths, validate, check; all mistakes at once, each with its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fittool.callbacks import CALLBACKS
from fittool.config.checks import contradictions, without_effect
from fittool.config.experiment import STAGES, WHOLE, Experiment, name_from
from fittool.config.written import Written
from fittool.config.yaml.environment_variables import Reference, filled, references_in
from fittool.config.yaml.file_references import with_absolute_paths
from fittool.config.yaml.inheritance import Layered, apply, read_layers
from fittool.config.yaml.reader import read_file
from fittool.config.yaml.short_forms import expand
from fittool.config.yaml.source_map import Node, Placed, find, without
from fittool.config.yaml.writer import yaml_text
from fittool.errors import CheckpointError, ExperimentError, KeyPath, Problem, UsageError, path_text, shorten, visible
from fittool.nn.layers import Layer
from fittool.settings import fold, plain

_MOST_MENDS = 8
CONSENT = "Give the experiment file with --experiment, if you trust it."
"""The mend where a run's experiment reaches outside of the run."""


class RefusedExperimentError(ExperimentError):
    """The experiment is wrong; `warnings` are the settings without effect in what can be read of it."""

    def __init__(self, problems: Sequence[Problem], warnings: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.warnings = warnings


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment, and everything that its file says about where it came from.

    Attributes:
        experiment: The settings.
        warnings: Settings without effect.
        root: The file merged with what it extends and with the options, each value with its place.
    """

    experiment: Experiment
    warnings: tuple[Problem, ...]
    root: Node

    def place(self, *path: str | int) -> str:
        """`file:line:column` or `--set …` of a setting, or of the nearest thing around it that was written."""
        return str(self._node(path)[0].best_place)

    def problem(self, text: str, *path: str | int) -> Problem:
        """A problem with a setting, with place and excerpt, for what is found only later (a missing folder, a label)."""
        return self._node(path)[0].best_place.problem(text)

    def origin(self, *path: str | int) -> str:
        """The place of a resolved setting; "default" where nobody wrote it. Layers of a preset come from the preset."""
        node, depth = self._node(path)
        if depth == len(path):
            return str(node.best_place)
        preset = self.root.child("model")
        preset = preset.child("preset") if preset is not None and path[:2] == ("model", "layers") else None
        return "default" if preset is None else str(preset.best_place)

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """All settings as plain data, defaults included, data paths absolute."""
        return dict(plain(self.experiment))

    @property
    def origins(self) -> dict[KeyPath, str]:
        """The places where each resolved value, list or scalar, was written, by key path."""
        return {path: self.origin(*path) for path in _leaves(self.resolved, ())}

    def resolved_yaml(self, layers: Sequence[Layer] | None = None, *, origins: bool = False, defaults: bool = True) -> str:
        """The resolved experiment as a file that `load_experiment` takes as it is.

        Args:
            layers: What the preset expands to, to be written in its place.
            origins: Whether each value says in a comment where it was written.
            defaults: Whether what is at its default is written, too.
        """
        settings = self.resolved if defaults else dict(plain(self.experiment, defaults=False))
        if layers is not None and self.experiment.model.python is None:  # what a function makes cannot be written down
            written = {"layers": [plain(layer, defaults=defaults) for layer in layers], "preset": None}
            settings = {**settings, "model": {**settings.get("model", {}), **written}}
        data = _without_nothing(self.with_references(settings))
        return yaml_text(data, (lambda path: self.origin(*path)) if origins else None)

    def with_references(self, resolved: dict[str, Any]) -> dict[str, Any]:
        """Settings with `${ENV:…}` where `notify`, or a callback that only writes, takes text from the environment.

        No number depends on it, it may be a secret, and runs are copied and shared.
        """
        data = deepcopy(resolved)
        for path, callback in self.experiment.all_callbacks():
            if callback.writes_only:
                self._put_references(at(data, path), (*path,))
        if isinstance(data.get("notify"), dict):
            self._put_references(data["notify"], ("notify",))
        return data

    def _put_references(self, data: Any, path: KeyPath) -> None:
        for step, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
            node, depth = self._node((*path, step))
            if isinstance(value, str) and depth == len(path) + 1 and node.reference is not None:
                data[step] = Reference(node.reference)
            elif isinstance(value, dict | list):
                self._put_references(value, (*path, step))

    def resolved_with(self, layers: Sequence[Layer]) -> dict[str, Any]:
        """All settings as plain data, with the layers that the preset expands to in its place."""
        if self.experiment.model.python is not None:
            return self.resolved  # what a function makes cannot be written down
        written = {"layers": [plain(layer) for layer in layers], "preset": None}
        return {**self.resolved, "model": {**self.resolved["model"], **written}}

    def _node(self, path: Sequence[str | int]) -> tuple[Node, int]:
        """The deepest written node along `path`, where names of things may differ in case, and how deep it is."""
        node, depth = self.root, 0
        for step in path:
            child = node.child(step) or _same_name(node, step)
            if child is None:
                break
            node, depth = child, depth + 1
        return node, depth


def engine_override(name: str | None) -> tuple[str, ...]:
    """The override that `--engine NAME` is; none where it was not given."""
    return () if name is None else (f"engine={name}",)


def load_experiment(
    path: str | os.PathLike[str], overrides: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> LoadedExperiment:
    """Load an experiment file.

    Args:
        path: The YAML file.
        overrides: `KEY=VALUE` or `~KEY`, as in `--set`.
        variables: What `${ENV:NAME}` takes; by default the environment.

    Raises:
        UsageError: There is no such file, it is a folder, or an override names what does not exist.
        ExperimentError: The experiment is wrong; holds every mistake that can be told.
    """
    name = os.fspath(path)
    variables = os.environ if variables is None else variables
    if not os.path.lexists(name):
        raise UsageError("There is no such experiment file.", place=visible(name))
    if os.path.isdir(name):
        raise UsageError("This is a folder. Give an experiment file.", place=visible(name))
    return _describe(read_layers(name, name, Experiment, variables), name, overrides, variables)


def load_experiment_of_run(
    path: str | os.PathLike[str], overrides: Sequence[str] = (), *, with_silent_callbacks: bool
) -> LoadedExperiment:
    """Load the `experiment.yaml` of a run, which may be anybody's: nothing but the file itself is read.

    Args:
        path: The file.
        overrides: As in `load_experiment`.
        with_silent_callbacks: Whether callbacks that only write are loaded; else they are left out, with what they take from
            the environment.

    Raises:
        CheckpointError: It extends another file, or takes something from the environment.
        ExperimentError: It is wrong.
    """
    name = os.fspath(path)
    document = read_file(name, name)
    root = document.root if with_silent_callbacks else _without_silent_callbacks(document.root)
    if (extends := root.child("extends")) is not None:
        problem = extends.best_place.problem("The run's experiment extends another file, which fittool never writes.")
        raise CheckpointError(replace(problem, exit_code=CheckpointError.code))
    for keys, node in references_in(root):
        text = f"The run's experiment takes {path_text(keys)} from the environment, {shorten(str(node.value))}. {CONSENT}"
        raise CheckpointError(replace(node.best_place.problem(text), exit_code=CheckpointError.code))
    # No variable is left to fill in, but `$${` is still to become `${`.
    return _describe(Layered(filled(root, {}), document.problems), name, overrides, {})


def _without_silent_callbacks(root: Node) -> Node:
    """The tree without `notify` and callbacks that only write, in the whole and in stages."""
    if not isinstance(root.value, dict):
        return root
    entries = {
        key: _without_silent_callbacks(node)
        if key == "train" and isinstance(node.value, dict)
        else replace(node, value=[_without_silent_callbacks(stage) for stage in node.value])
        if key == "train" and isinstance(node.value, list)
        else replace(node, value=[one for one in node.value if not _writes_only(one)])
        if key == "callbacks" and isinstance(node.value, list)
        else node
        for key, node in root.value.items()
        if key != "notify"
    }
    return replace(root, value=entries)


def _writes_only(callback: Node) -> bool:
    name = next(iter(callback.value), "") if isinstance(callback.value, dict) else str(callback.value)
    described = CALLBACKS.class_of(name)
    return described is not None and described.writes_only


def _describe(layered: Layered, name: str, overrides: Sequence[str], variables: Mapping[str, str]) -> LoadedExperiment:
    if not isinstance(layered.root.value, dict):
        text = "An experiment file must hold keys such as data:, model:, compile: and train:."
        raise ExperimentError([*(told.problem for told in layered.problems), layered.root.place.problem(text)])
    # Expanded once more than the files were, as an override may be in a short form.
    root = with_absolute_paths(expand(apply(layered.root, overrides, Experiment, variables), Experiment))
    return _hold_against_description(root, layered.problems, name_from(os.path.splitext(os.path.basename(name))[0]))


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Experiment]:
    return TypeAdapter(Experiment)


def _hold_against_description(root: Node, told: Sequence[Placed], name: str) -> LoadedExperiment:
    # Where the reader found a mistake there is a stand-in for the value; it is not complained about once more.
    places = {one.place for one in told}
    experiment, wrong = _validate(root, name)
    dropped: frozenset[KeyPath] = frozenset()
    placed = [*told, *(one for one in wrong if one.place not in places)]
    warnings: tuple[Problem, ...] = ()
    if experiment is None:
        root, experiment, dropped = _mend(root, wrong, name)
    if experiment is not None:
        written = Written(experiment, root, dropped)
        placed += contradictions(written)
        warnings = in_file_order(without_effect(written))
        if experiment.sweep is not None and not placed:
            from fittool.config.sweep_values import sweep_problems

            placed += sweep_problems(written, lambda tree: _wrong_in(tree, name))
    if experiment is None or placed:
        raise RefusedExperimentError(limit(in_file_order(placed)), warnings)
    return LoadedExperiment(experiment, warnings, root)


def _wrong_in(root: Node, name: str) -> list[Placed]:
    """Everything that is wrong with a tree."""
    experiment, wrong = _validate(root, name)
    return wrong if experiment is None else list(contradictions(Written(experiment, root)))


def experiment_of_tree(root: Node, name: str) -> LoadedExperiment:
    """The experiment of a tree in its full form.

    Args:
        root: The tree, expanded, with absolute paths.
        name: What the run is called where the tree does not say it.

    Raises:
        ExperimentError: It is wrong; holds every mistake that can be told.
    """
    return _hold_against_description(root, (), name)


def _validate(root: Node, name: str) -> tuple[Experiment | None, list[Placed]]:
    try:
        return _adapter().validate_python(_with_defaults(root.data(), name)), []
    except ValidationError as error:
        return None, problems_of(error, root, Experiment)


def _mend(root: Node, wrong: list[Placed], name: str) -> tuple[Node, Experiment | None, frozenset[KeyPath]]:
    """The experiment without the settings that are wrong, if that is one, so that the rest can still be checked; and those."""
    dropped: set[KeyPath] = set()
    for _ in range(_MOST_MENDS):
        for path in sorted({one.path for one in wrong}, key=_position, reverse=True):
            if root.child(path[0] if path else "") is None:
                return root, None, frozenset(dropped)
            root = without(root, path)
            dropped.add(path)
        experiment, wrong = _validate(root, name)
        if experiment is not None:
            return root, experiment, frozenset(dropped)
    return root, None, frozenset(dropped)


def _position(path: KeyPath) -> list[tuple[int, str]]:
    """Orders items of a list by number, so that leaving out the last first keeps the others' numbers."""
    return [(step, "") if isinstance(step, int) else (0, step) for step in path]


def _with_defaults(data: Any, name: str) -> dict[str, Any]:
    """Defaults that depend on the file's name or on another setting; a key without a value counts as absent."""
    whole: dict[str, Any] = {"name": name} | {key: value for key, value in data.items() if value is not None}
    train = whole.get("train", {})
    whole["train"] = [_with_epochs(stage) for stage in train] if isinstance(train, list) else _with_epochs(train)
    return whole


def _with_epochs(train: Any) -> Any:
    """Keras's default lengths."""
    if not isinstance(train, dict) or train.get("epochs") is not None:
        return train
    return train | {"epochs": 10 if train.get("mode", "fit") == "fit" else 1}


def at(data: Any, path: KeyPath) -> Any:
    """The part of plain data at a key path."""
    for step in path:
        data = data[step]
    return data


def _same_name(node: Node, step: str | int) -> Node | None:
    """The node that a bare name, or a name in another case, stands for."""
    if not isinstance(step, str):
        return None
    if isinstance(node.value, str) and fold(node.value) == fold(step):
        return node
    if isinstance(node.value, dict) and len(node.value) == 1:
        ((name, child),) = node.value.items()
        return child if fold(name) == fold(step) else None
    return None


def _leaves(data: object, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for index, item in enumerate(data):
            yield from _leaves(item, (*path, index))
    else:
        yield path


def _without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    """Without what is absent: half of the model section, sections that were not given."""
    return {
        key: {name: item for name, item in value.items() if item is not None} if key == "model" else value
        for key, value in data.items()
        if value is not None
    }


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


def limit(problems: Sequence[Problem]) -> tuple[Problem, ...]:
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
    # Only needed once something is wrong.
    from fittool.config.optional_sections.sweep import RANGE, VALUES
    from fittool.settings.complaints import Subject, sentences

    told = sentences(error.errors(include_url=False), Subject(top, root.data(), tags=(WHOLE, STAGES, VALUES, RANGE)))
    nodes = [find(root, one.at)[0] for one in told]
    places = [node.best_place if one.at_key else node.place for one, node in zip(told, nodes, strict=True)]
    return [Placed(place, one.text, one.path) for one, place in zip(told, places, strict=True)]
