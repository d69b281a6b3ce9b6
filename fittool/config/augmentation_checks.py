"""The `augmentation:` section held against the rest of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from fittool.config.sections import Stage
from fittool.config.written import Written
from fittool.config.yaml.source_map import Placed
from fittool.errors import path_text
from fittool.settings import fields_of


@cache
def _fixed() -> tuple[str, ...]:
    """The settings that the section and the layer Standardization share, and the user's function."""
    from fittool.augmentation.settings import Augmentation
    from fittool.nn.layers import Standardization

    return (*(name for name in fields_of(Standardization) if name in fields_of(Augmentation)), "preprocessing_function")


def augmentation_contradictions(written: Written) -> Iterator[Placed]:
    """The problems with settings that cannot hold together."""
    if not written.knows_modes:
        return
    yield from _modes(written)
    yield from _fixed_steps(written)
    yield from _source(written)


def _modes(written: Written) -> Iterator[Placed]:
    """Augmentation is for stages in mode fit_generator."""
    experiment = written.experiment
    if experiment.augmentation is not None and all(stage.mode != "fit_generator" for stage in experiment.stages):
        path = experiment.path_of(experiment.first)
        mode = written.said(*path, "mode")
        text = f"augmentation needs train.mode fit_generator, but it is {experiment.first.mode} ({mode})."
        yield written.problem(("augmentation",), f"{text} Write mode: fit_generator under train.")
    for stage in experiment.stages:
        if isinstance(stage, Stage) and stage.augmentation is not None and stage.mode != "fit_generator":
            path = experiment.path_of(stage)
            text = f"{path_text(path)}.augmentation needs mode fit_generator, but it is {stage.mode}."
            yield written.problem((*path, "augmentation"), f"{text} Write mode: fit_generator beside it.")


def _fixed_steps(written: Written) -> Iterator[Placed]:
    """Steps that are no random change belong to the network, which all stages share."""
    experiment = written.experiment
    first = experiment.any_augmentation
    for stage in experiment.stages:
        own = experiment.augmentation_of(stage)
        for field in _fixed() if own is not None else ():
            if getattr(own, field) != (wanted := getattr(first, field)):
                path = (*experiment.path_of(stage), "augmentation")
                text = f"{path_text(path)}.{field} must be that of the first augmented stage, {wanted}:"
                yield written.problem((*path, field), f"{text} it belongs to the network.")


def _source(written: Written) -> Iterator[Placed]:
    """Batches of a function are not touched."""
    experiment = written.experiment
    if experiment.any_augmentation is not None and experiment.data.train.public_name() == "python":
        paths = [(*experiment.path_of(stage), "augmentation") for stage in experiment.stages]
        path = next((path for path in paths if written.node(*path) is not None), ("augmentation",))
        where = written.said("data", "train")
        text = f"{path_text(path)} does not reach the batches of a python source ({where}), which are yours to change."
        yield written.problem(path, f"{text} Remove it.")


def augmentation_without_effect(written: Written) -> Iterator[Placed]:
    """Settings of the section that were changed and yet do nothing."""
    experiment = written.experiment
    if not written.knows_modes:
        return
    streamed = [stage for stage in experiment.stages if stage.mode == "fit_generator"]
    own = [(stage, stage.augmentation) for stage in streamed if isinstance(stage, Stage) and stage.augmentation is not None]
    found = [((*experiment.path_of(stage), "augmentation"), augmentation) for stage, augmentation in own]
    if experiment.augmentation is not None and len(own) < len(streamed):
        found.insert(0, (("augmentation",), experiment.augmentation))
    elif experiment.augmentation is not None and streamed:
        yield written.problem(("augmentation",), "augmentation has no effect: every stage has its own.")
    for path, augmentation in found:
        for field, reason in augmentation.without_effect():
            yield written.problem((*path, field), f"{path_text(path)}.{field} has no effect. {reason}")
