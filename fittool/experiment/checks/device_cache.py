"""`cache: device`: samples in the memory of the device that trains, as far as engine, data and augmentation let them be there."""

from __future__ import annotations

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.registry import check_can_hold, holds_samples
from fittool.errors import ExperimentError, Problem
from fittool.experiment.building.data import Data
from fittool.experiment.building.error_location import error_location

_SETTING = ("data", "cache")


def keeps_on_device(loaded: LoadedExperiment) -> bool:
    """True where samples are to be on the device, and the engine can have them there."""
    return loaded.experiment.data.cache == "device" and holds_samples(loaded.experiment.engine)


def check_device_cache(loaded: LoadedExperiment, train: Data) -> tuple[Problem, ...]:
    """Refuse `cache: device` where nothing of it can be done; gives warnings where something cannot.

    Raises:
        ExperimentError: The engine keeps no samples, or the data cannot be counted.
    """
    if loaded.experiment.data.cache != "device":
        return ()
    with error_location(loaded, *_SETTING):
        check_can_hold(loaded.experiment.engine)
    if isinstance(train, GeneratorData):
        text = "data.cache: device needs samples that can be counted, which a generator cannot offer. Set cache: none."
        raise ExperimentError(loaded.problem(text, *_SETTING))
    if not keeps_on_device(loaded):
        text = "data.cache: device works as cache: ram here: engine: auto found no graphics card."
        return (loaded.problem(text, *_SETTING),)
    return _left_to_the_processor(loaded)


def _left_to_the_processor(loaded: LoadedExperiment) -> tuple[Problem, ...]:
    """A warning for each setting that keeps batches from being made on the device."""
    from fittool.augmentation.image_changes import only_on_the_processor

    warnings: dict[str, Problem] = {}
    for stage in loaded.experiment.stages:
        names = ["a loop of your own takes arrays"] if stage.mode == "train_on_batch" else []
        augmentation = loaded.experiment.augmentation_of(stage)
        changes = only_on_the_processor(augmentation) if augmentation is not None else ()
        names += [f"{name} is done by the processor" for name in changes]
        warnings |= {
            name: loaded.problem(
                f"Batches to train on are made in memory, and cross to the device one by one: {name}.", *_SETTING
            )
            for name in names
        }
    return tuple(warnings.values())
