"""The members of an ensemble: what each has that the experiment has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.splits.split_setting import SplitSetting
from fittool.errors import ExperimentError
from fittool.runs.ensemble import Kind

_BY_CHANCE = ("random", "stratified", "group", "kfold")


@dataclass(frozen=True)
class Member:
    """A run of an ensemble.

    Attributes:
        name: Its directory in the ensemble's folder.
        overrides: `KEY=VALUE`, what makes the experiment that of this member.
    """

    name: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        kind: Folds or seeds.
        members: In their order.
        remarks: Sentences on settings that do not hold as they are written.
    """

    kind: Kind
    members: tuple[Member, ...]
    remarks: tuple[str, ...] = ()


def seeds_of(loaded: LoadedExperiment, count: int) -> Plan:
    """As many runs, which differ in their seed: the experiment's, and those that follow it.

    All are validated on the same samples: what the experiment's own seed chooses stays where the seed moves on.

    Args:
        loaded: The experiment.
        count: The number of runs.
    """
    experiment = loaded.experiment
    part = experiment.data.validation
    same: tuple[str, ...] = ()
    if isinstance(part, SplitSetting) and part.kind in _BY_CHANCE and part.seed is None:
        same = (f"data.validation.split.seed={experiment.seed}",)
    seeds = range(experiment.seed, experiment.seed + count)
    return Plan("seeds", tuple(Member(f"seed-{seed}", (f"seed={seed}", *same)) for seed in seeds))


def folds_of(loaded: LoadedExperiment, count: int) -> Plan:
    """As many runs, each of which is validated on another part of the training data and learns from all others.

    Args:
        loaded: The experiment. Groups, and settings of its own kfold, hold for the folds as well.
        count: The number of parts.

    Raises:
        ExperimentError: The experiment's own split is one that folds would undo.
    """
    experiment = loaded.experiment
    split = _split(loaded)
    text = ", ".join(f"{name}: {value}" for name, value in _arguments(split).items())
    others = tuple(_without_validation_split(experiment))
    members = tuple(
        Member(
            f"fold-{fold}",
            (f"data.validation={{split: {{kind: kfold, folds: {count}, fold: {fold}{text and ', ' + text}}}}}", *others),
        )
        for fold in range(count)
    )
    return Plan("folds", members, tuple(_remarks(loaded)))


def _split(loaded: LoadedExperiment) -> SplitSetting:
    """How the parts are to be made."""
    part = loaded.experiment.data.validation
    if not isinstance(part, SplitSetting):
        return SplitSetting(by="auto")
    if part.kind in ("time", "column"):
        why = "would train on what comes later" if part.kind == "time" else "would not keep to what the column says"
        text = f"--kfold {why}: data.validation.split is of kind {part.kind}. Take it out with --set ~data.validation to do so."
        raise ExperimentError(loaded.problem(text, "data", "validation", "split"))
    if part.kind == "kfold":
        return part
    return replace(part, by="group" if part.kind == "group" else "auto")


def _arguments(split: SplitSetting) -> dict[str, str]:
    """What is to be written of it."""
    found: dict[str, str] = {"by": split.by}
    if split.by == "group":
        found["group"] = "'" + str(split.group).replace("'", "''") + "'"
    if not split.shuffle:
        found["shuffle"] = "false"
    if split.seed is not None:
        found["seed"] = str(split.seed)
    return found


def _without_validation_split(experiment: Experiment) -> Iterator[str]:
    for stage in experiment.stages:
        if stage.validation_split:
            yield ".".join(map(str, (*experiment.path_of(stage), "validation_split"))) + "=0"


def _remarks(loaded: LoadedExperiment) -> Iterator[str]:
    experiment = loaded.experiment
    part = experiment.data.validation
    if part is not None and not isinstance(part, SplitSetting):
        where = loaded.place("data", "validation")
        yield f"Folds are parts of data.train; data.validation ({where}) is not used. evaluate DIR --data measures on it."
