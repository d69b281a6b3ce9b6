"""The stages of an experiment as the trainer takes them: loaders, plans, callbacks, and which layers learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fittool.callbacks.base import CallbackContext
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Stage as StageSetting
from fittool.config.sections import Train
from fittool.data.images.preprocessing import preprocessed
from fittool.data.loading.batch_loader import BatchLoader, DatasetLoader
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.base import Engine
from fittool.errors import ExperimentError
from fittool.experiment.building.callbacks import build_callbacks_of
from fittool.experiment.building.error_location import error_location
from fittool.experiment.building.prepare import Prepared
from fittool.experiment.building.transforms import random_part
from fittool.experiment.checks.device_cache import keeps_on_device
from fittool.experiment.pretrained.fine_tuning import cut_for
from fittool.nn.graph import Graph
from fittool.settings import nearest_name
from fittool.training.plan import Plan
from fittool.training.stages import Stage, nothing

if TYPE_CHECKING:
    from fittool.augmentation.settings import Augmentation
    from fittool.experiment.pretrained.feature_cache import FeatureCache

_SMOKE_STEPS, _SMOKE_VALIDATION_STEPS = 2, 1


def plan_of(train: Train, *, smoke: bool = False) -> Plan:
    """The length of a part of an experiment."""
    plan = Plan(
        epochs=cast("int", train.epochs),
        initial_epoch=train.initial_epoch,
        steps_per_epoch=_number(train.steps_per_epoch),
        validation_steps=_number(train.validation_steps),
        within_pass=train.mode == "fit",
    )
    return plan if not smoke else replace(plan, epochs=plan.initial_epoch + 1)


def check_plan(loaded: LoadedExperiment, part: Train, plan: Plan, train: BatchLoader, validation: BatchLoader | None) -> None:
    """Hold the plan of a part of an experiment against the data.

    Raises:
        ExperimentError: More batches are asked for than there are; at the setting that asks.
    """
    path = loaded.experiment.path_of(part)
    with error_location(loaded, *path, "steps_per_epoch"):
        plan.check(train, None)
    with error_location(loaded, *path, "validation_steps"):
        plan.check(train, validation)


def _number(steps: int | str) -> int | None:
    return steps if isinstance(steps, int) else None


def stages_of(
    prepared: Prepared,
    surroundings: CallbackContext,
    engine: Engine | None = None,
    *,
    smoke: bool = False,
) -> list[Stage]:
    """All stages, or the one of an experiment that has no list.

    Args:
        prepared: Data and network.
        surroundings: Where callbacks start.
        engine: Whose layers learn or not; None where nothing is trained.
        smoke: One epoch of two training batches and one validation batch in each.

    Raises:
        ExperimentError: A pattern fits no layer, or a loop or callback is not there.
    """
    return [_stage(prepared, train, surroundings, engine, smoke=smoke) for train in prepared.loaded.experiment.stages]


def _stage(
    prepared: Prepared,
    train: Train,
    surroundings: CallbackContext,
    engine: Engine | None,
    *,
    smoke: bool,
) -> Stage:
    experiment = prepared.loaded.experiment
    path = experiment.path_of(train)
    features = None if engine is None else features_for(prepared, train)
    if features is None:
        loader, validation = prepared.train_loader(train), prepared.validation_loader(train)
    else:
        loader = prepared.train_loader(train, features.train)
        validation = prepared.validation_loader(train, features.validation)
    plan = plan_of(train, smoke=smoke)
    if smoke:
        plan = _smoke_steps(plan, loader, validation)
    check_plan(prepared.loaded, train, plan, loader, validation)
    loop = None
    if train.mode == "train_on_batch":
        from fittool.data.user_code.functions import load_function

        with error_location(prepared.loaded, *path, "loop"):
            loop = load_function(cast("str", train.loop), Path())
    stage = Stage(loader, validation, plan, loop=cast("Any", loop), loop_name=str(train.loop).rpartition("/")[2])
    if engine is not None:
        _hold_samples(prepared.loaded, train, loader, validation, engine)
    if isinstance(loader, DatasetLoader):
        stage = replace(stage, begin=loader.begin_stage)
    if not isinstance(train, StageSetting):
        return (
            stage if features is None or engine is None else replace(stage, prepare=_preparing(prepared, train, engine, features))
        )
    return replace(
        stage,
        name=train.name or str(experiment.stages.index(train) + 1),
        callbacks=build_callbacks_of(prepared.loaded, train.callbacks, (*experiment.path_of(train), "callbacks"), surroundings),
        learning_rate=train.learning_rate,
        prepare=_preparing(prepared, train, engine, features),
    )


def _hold_samples(
    loaded: LoadedExperiment, train: Train, loader: BatchLoader, validation: BatchLoader | None, engine: Engine
) -> None:
    """Let an engine keep the samples of a stage, and its loaders say which they want, as far as that can be.

    Raises:
        MachineError: The device has too little memory.
        DataError: Targets do not fit the network's outputs.
    """
    if not keeps_on_device(loaded):
        return
    from fittool.augmentation.image_changes import only_on_the_processor

    augmentation = loaded.experiment.augmentation_of(train)
    if train.mode != "train_on_batch" and (augmentation is None or not only_on_the_processor(augmentation)):
        _hold(loaded, loader, None if augmentation is None else random_part(augmentation), engine)
    if validation is not None:
        _hold(loaded, validation, None, engine)


def _hold(loaded: LoadedExperiment, loader: BatchLoader, augmentation: Augmentation | None, engine: Engine) -> None:
    """Nothing, where the samples of a loader are not in memory as they are: those of a generator, or changed by a function."""
    from fittool.data.loading.selection import Selection

    selection = Selection.of(loader.dataset, augmentation) if isinstance(loader, DatasetLoader) else None
    if selection is None:
        return
    assert isinstance(loader, DatasetLoader)
    with error_location(loaded, "data", "cache"):
        engine.hold(selection.dataset)
    loader.select_from(selection)


def _smoke_steps(plan: Plan, train: BatchLoader, validation: BatchLoader | None) -> Plan:
    """Two training batches and one validation batch, or fewer where there are fewer."""
    steps = min(_SMOKE_STEPS, train.steps_per_pass or _SMOKE_STEPS)
    return replace(plan, steps_per_epoch=steps, validation_steps=None if validation is None else _SMOKE_VALIDATION_STEPS)


def _preparing(
    prepared: Prepared, train: Train, engine: Engine | None, features: FeatureCache | None = None
) -> Callable[[], None]:
    """Makes exactly the layers of a stage learn, each at its rate; costs nothing where they do already."""
    names = _learning_in(prepared, train)
    factors = train.learning_rates if isinstance(train, StageSetting) else None
    with error_location(prepared.loaded, *prepared.loaded.experiment.path_of(train), "learning_rates"):
        rates = rate_factors(prepared.graph, factors or {})
    if engine is None:
        return nothing
    if features is None:
        return partial(engine.set_trainable, names, rates=rates)
    return partial(_begin_with_features, engine, names, rates, features)


def _begin_with_features(engine: Engine, names: frozenset[str], rates: Mapping[str, float], features: FeatureCache) -> None:
    features.fill(engine)
    engine.set_trainable(names, rates=rates, features_of=features.cut)


def _learning_in(prepared: Prepared, train: Train) -> frozenset[str]:
    """The layers that learn in a stage."""
    if not isinstance(train, StageSetting) or train.trainable is None:
        return learning_layers(prepared.graph)
    with error_location(prepared.loaded, *prepared.loaded.experiment.path_of(train), "trainable"):
        return learning_layers(prepared.graph, train.trainable)


def features_for(prepared: Prepared, train: Train) -> FeatureCache | None:
    """The features that a stage learns from; None where it learns from the samples."""
    data = prepared.train
    if isinstance(data, GeneratorData) or isinstance(prepared.validation, GeneratorData) or prepared.group.size > 1:
        return None
    cut = cut_for(prepared.loaded, train, prepared.graph, _learning_in(prepared, train))
    if cut is None:
        return None
    from fittool.experiment.pretrained.feature_cache import FeatureCache

    validation = None if prepared.validation is None else preprocessed(prepared.validation, prepared.preprocess)
    return FeatureCache(
        prepared.graph, cut, prepared.loaded.experiment.engine, preprocessed(data, prepared.preprocess), validation
    )


def settle(prepared: Prepared, engine: Engine) -> None:
    """Let an engine take samples again, after a training whose last stage learnt from features."""
    if prepared.loaded.experiment.data.cache == "features":
        engine.set_trainable(_learning_in(prepared, prepared.loaded.experiment.stages[-1]))


def rate_factors(graph: Graph, factors: Mapping[str, float]) -> dict[str, float]:
    """The factor on the rate of each layer that one of the patterns fits, the first of them.

    Raises:
        ExperimentError: A pattern fits no layer that has weights to learn.
    """
    if factors:
        learning_layers(graph, tuple(factors), "learning_rates")
    found: dict[str, float] = {}
    for node in graph.nodes:
        factor = next((factor for pattern, factor in factors.items() if fnmatchcase(node.name, pattern)), None)
        if factor is not None:
            found[node.name] = factor
    return found


def learning_layers(graph: Graph, patterns: Sequence[str] = ("*",), setting: str = "trainable") -> frozenset[str]:
    """The names of the layers that learn in a network whose names match one of the patterns.

    Raises:
        ExperimentError: A pattern fits no layer that has weights to learn.
    """
    names = [node.name for node in graph.nodes if any(parameter.trainable for parameter in node.parameters)]
    for pattern in patterns if patterns != ("*",) else ():
        if not any(fnmatchcase(name, pattern) for name in names):
            near = nearest_name(pattern, names)
            mend = f"Did you mean {near}?" if near else f"There are {', '.join(names) or 'none that learn'}."
            raise ExperimentError(f"{setting}: no layer with weights to learn is called {pattern}. {mend}")
    matching = (node for node in graph.nodes if any(fnmatchcase(node.name, pattern) for pattern in patterns))
    return frozenset(node.name for node in matching if node.layer.trainable)
