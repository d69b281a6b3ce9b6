"""The part of `augmentation:` that is not random: a layer in front of the network, and the user's own function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Train
from fittool.data.batch_transforms import BatchTransforms
from fittool.data.images.preprocessing import Preprocessing
from fittool.errors import ExperimentError
from fittool.experiment.building.error_location import error_location
from fittool.nn.graph import layer_names
from fittool.nn.layers import Input, Layer
from fittool.nn.losses import Loss
from fittool.nn.shapes import Shape
from fittool.nn.targets import Targets
from fittool.settings import fields_of

if TYPE_CHECKING:
    from fittool.augmentation.settings import Augmentation

NAME = "standardization"


@cache
def fixed_steps() -> tuple[str, ...]:
    """The settings that the section and the layer Standardization share."""
    from fittool.augmentation.settings import Augmentation
    from fittool.nn.layers import Standardization

    return tuple(name for name in fields_of(Standardization) if name in fields_of(Augmentation))


@dataclass(frozen=True)
class Standardized:
    """A network's layers, those among them that `augmentation:` stands for, and where they are.

    Attributes:
        layers: All.
        first: The place of the first that the experiment does not write.
        count: How many there are.
        within: The same of the layers that these were put in front of.
    """

    layers: list[Layer]
    first: int = 0
    count: int = 0
    within: Standardized | None = None

    def written(self, index: int) -> int:
        """The place in the experiment's own list of the layer at a place in this one."""
        place = index if index < self.first + self.count else index - self.count
        return place if self.within is None else self.within.written(place)


def standardized(loaded: LoadedExperiment, layers: list[Layer], shapes: Mapping[str, Shape]) -> Standardized:
    """The experiment's layers behind one that standardizes, where `augmentation:` asks for it; else as they are.

    Args:
        loaded: The experiment.
        layers: Its layers.
        shapes: Of the data's inputs, by name; each that holds images gets a layer of its own.
    """
    augmentation = loaded.experiment.any_augmentation
    if augmentation is None:
        return Standardized(layers)
    from fittool.augmentation.standardize import standardizes

    if not standardizes(augmentation):
        return Standardized(layers)
    from fittool.nn.layers import Standardization

    entries = [name for name, layer in zip(layer_names(layers), layers, strict=True) if isinstance(layer, Input)] or list(shapes)
    images = [name for name, shape in zip(entries, shapes.values(), strict=False) if len(shape) == 3]
    behind = {name: NAME if len(images) == 1 else f"{NAME}_{name}" for name in images}
    steps = {field: getattr(augmentation, field) for field in fixed_steps()}
    made = [Standardization(**steps, name=behind[name], inputs=(name,)) for name in images]
    split = max((index + 1 for index, layer in enumerate(layers) if isinstance(layer, Input)), default=0)
    later = [_behind(layer, behind) for layer in layers[split:]]
    return Standardized([*layers[:split], *made, *later], split, len(made))


def _behind(layer: Layer, behind: Mapping[str, str]) -> Layer:
    """A layer that takes the standardized input where it took the input itself."""
    if layer.inputs is None or not any(name in behind for name in layer.inputs):
        return layer
    return replace(layer, inputs=tuple(behind.get(name, name) for name in layer.inputs))


def preprocessing_of(loaded: LoadedExperiment) -> Preprocessing | None:
    """The user's function of an image, or None.

    Raises:
        ExperimentError: It is not there.
        UserCodeError: Its file cannot be run.
    """
    augmentation = loaded.experiment.any_augmentation
    if augmentation is None or augmentation.preprocessing_function is None:
        return None
    from fittool.data.user_code.functions import load_function

    with error_location(loaded, "augmentation", "preprocessing_function"):
        return Preprocessing(load_function(augmentation.preprocessing_function, Path()), augmentation.preprocessing_function)


def changes_of(experiment: Experiment, train: Train, preprocess: Preprocessing | None, steps_per_pass: int) -> BatchTransforms:
    """The changes to the samples of a stage.

    Args:
        experiment: The experiment.
        train: The stage.
        preprocess: The user's function of an image, or None.
        steps_per_pass: Batches in a pass over its data.
    """
    augmentation = experiment.augmentation_of(train)
    if augmentation is None or experiment.first.overfit_batches is not None:
        return BatchTransforms(preprocess=preprocess)
    from fittool.augmentation.augment import augment
    from fittool.augmentation.mixing import mix, mixes
    from fittool.engines.registry import kernels_asked_for

    random = random_part(augmentation)
    steps = train.steps_per_epoch if isinstance(train.steps_per_epoch, int) else steps_per_pass
    kernels = kernels_asked_for(experiment.engine)
    return BatchTransforms(
        augment=partial(augment, random, kernels=kernels) if random.active else None,
        preprocess=preprocess,
        mix=partial(mix, augmentation) if mixes(augmentation) else None,
        until_step=None if augmentation.until_epoch is None else augmentation.until_epoch * steps,
    )


def random_part(augmentation: Augmentation) -> Augmentation:
    """An augmentation without the rescaling, which the network does."""
    return replace(augmentation, rescale=None)


def check_mixing(loaded: LoadedExperiment, targets: Sequence[Targets], inputs: Mapping[str, Shape]) -> None:
    """Mixed targets are numbers between classes, so class numbers and maps of them cannot be mixed.

    Raises:
        ExperimentError: The loss takes class numbers, a sample's target is a map, or an input is no image.
    """
    experiment = loaded.experiment
    described = [found for stage in experiment.stages if (found := experiment.augmentation_of(stage))]
    if not described:
        return
    from fittool.augmentation.mixing import mixes
    from fittool.nn.losses import Hinge, SquaredHinge

    mixing = [one for one in described if mixes(one)]
    if not mixing or experiment.first.overfit_batches is not None:
        return
    name = "mixup" if mixing[0].mixup else "cutmix"
    asked = experiment.compile.loss
    for loss in [asked] if isinstance(asked, Loss) else asked.values():
        if isinstance(loss, Hinge | SquaredHinge) and any(form.lowest >= 0 for form in targets):
            text = f"augmentation.{name} mixes targets, but {loss.public_name()} reads 0 and 1 as -1 and 1, and none between."
            raise ExperimentError(loaded.problem(f"{text} Write the labels as -1 and 1.", "compile", "loss"))
        if loss.expects == "class numbers":
            text = f"augmentation.{name} mixes targets, but {loss.public_name()} takes whole class numbers."
            raise ExperimentError(loaded.problem(f"{text} Use categorical_crossentropy.", "compile", "loss"))
    if any(len(shape) != 3 for shape in inputs.values()):
        text = f"augmentation.{name} mixes images, but the network has other inputs beside them, which it cannot mix. Remove it."
        raise ExperimentError(loaded.problem(text, "augmentation", name))
    if any(len(one.shape) > 1 for one in targets):
        text = f"augmentation.{name} mixes one row of numbers a sample, but the targets have shape "
        shapes = ", ".join(str(one.shape) for one in targets)
        raise ExperimentError(loaded.problem(f"{text}{shapes}. Remove it.", "augmentation", name))
