"""The experiment as a whole: what a file describes, with every section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Discriminator, Tag, model_validator
from pydantic_core import PydanticCustomError

from fittool.callbacks import CALLBACKS, CallbackSetting
from fittool.config.sections import Compile, Data, Model, OptionalAugmentation, Output, Stage, Train
from fittool.engines.settings import ENGINES, EngineSetting, Numpy
from fittool.settings import DOES_NOT_COUNT, Field, Integer, Text, optional_section, setting
from fittool.settings.optional_section import OptionalSection

if TYPE_CHECKING:
    from fittool.augmentation.settings import Augmentation
    from fittool.config.optional_sections.notify import Notify
    from fittool.config.optional_sections.pretrained import FineTune, InitialWeights
    from fittool.config.optional_sections.sweep import Sweep

    OptionalWeights: TypeAlias = InitialWeights | None
    OptionalFineTune: TypeAlias = FineTune | None
    OptionalNotify: TypeAlias = Notify | None
    OptionalSweep: TypeAlias = Sweep | None
else:  # imported when a file has them
    OptionalWeights = optional_section("fittool.config.optional_sections.pretrained", "InitialWeights")
    OptionalFineTune = optional_section("fittool.config.optional_sections.pretrained", "FineTune")
    OptionalNotify = optional_section("fittool.config.optional_sections.notify", "Notify")
    OptionalSweep = optional_section("fittool.config.optional_sections.sweep", "Sweep")

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def name_from(text: str) -> str:
    """A run's name as close to any text as names can be."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:100] or "experiment"


WHOLE, STAGES = "(whole)", "(stages)"
"""The parts of pydantic's locations that stand for the two forms of `train`."""


def _form(train: object) -> str:
    return STAGES if isinstance(train, list) else WHOLE


if TYPE_CHECKING:
    Parts: TypeAlias = Train | list[Stage]
else:
    _Stages = Annotated[Any, OptionalSection("fittool.config.sections", "Stages", or_none=False), Tag(STAGES)]
    Parts = Annotated[Annotated[Train, Tag(WHOLE)] | _Stages, Discriminator(_form)]
"""One training, or a list of stages; which of them is decided by the form alone, so that mistakes are told of that form."""


@setting
class Experiment:
    """One experiment file: data, network and training."""

    name: Annotated[Annotated[Text, Field(pattern=NAME_PATTERN)] | None, DOES_NOT_COUNT] = Field(
        default=None, description="The run's name; by default the file's, without its ending."
    )
    seed: Integer = Field(
        default=0, ge=0, lt=2**63, description="All random numbers come from this one: the same seed gives the same weights."
    )
    engine: Annotated[EngineSetting, ENGINES, DOES_NOT_COUNT] = Field(
        default_factory=Numpy, description="What executes the steps."
    )
    data: Data = Field(kw_only=True, description="Where samples come from, and how they are read.")
    augmentation: OptionalAugmentation = Field(
        default=None, description="Random changes to training images, ImageDataGenerator's arguments; for mode fit_generator."
    )
    model: Model = Field(kw_only=True, description="The network: a list of layers, or a preset.")
    compile: Compile = Field(kw_only=True, description="What the training minimises, how, and what it reports.")
    initial_weights: OptionalWeights = Field(
        default=None, description="Weights of an earlier training to start from, instead of random ones."
    )
    fine_tune: OptionalFineTune = Field(
        default=None,
        description="Trains on from initial weights in two stages, with the settings of train: first the head, then more.",
    )
    train: Parts = Field(
        default_factory=Train, description="How long and in which batches to train; a list is a training in stages."
    )
    callbacks: list[Annotated[CallbackSetting, CALLBACKS]] = Field(
        default_factory=list, description="What happens beside the training."
    )
    output: Annotated[Output, DOES_NOT_COUNT] = Field(default_factory=Output, description="Where runs go, and what they save.")
    notify: Annotated[OptionalNotify, DOES_NOT_COUNT] = Field(
        default=None, description="Who is told when the training has ended; nobody if absent."
    )
    sweep: Annotated[OptionalSweep, DOES_NOT_COUNT] = Field(
        default=None, description="Settings that `fittool sweep` varies in many runs; other commands pass it over."
    )

    @model_validator(mode="after")
    def _fine_tunes_one_training(self) -> Experiment:
        if self.fine_tune is not None and isinstance(self.train, list):
            raise PydanticCustomError("fine_tune_and_stages", "must hold one train section beside fine_tune, not a list")
        if self.fine_tune is not None and not (self.fine_tune.head_epochs or self.fine_tune.epochs):
            raise PydanticCustomError("fine_tune_nothing", "must train for some epochs, fine_tune.head_epochs or epochs")
        return self

    @property
    def stages(self) -> tuple[Train, ...]:
        """The parts of the training, in order: one, or those of the list."""
        return tuple(self.train) if isinstance(self.train, list) else (self.train,)

    @property
    def first(self) -> Train:
        """The first part, whose settings hold for the data and the display of the whole."""
        return self.stages[0]

    @property
    def has_late_layers(self) -> bool:
        """True where layers begin or cease to learn between parts, and the optimizer goes by the number of their updates."""
        learning = {str(getattr(stage, "trainable", None)) for stage in self.stages}
        return self.compile.optimizer.counts_updates and len(learning) > 1

    def path_of(self, stage: Train) -> tuple[str | int, ...]:
        """The key path of a part."""
        return ("train",) if not isinstance(self.train, list) else ("train", [id(one) for one in self.train].index(id(stage)))

    def augmentation_of(self, stage: Train) -> Augmentation | None:
        """The augmentation of a part: its own, else that of the experiment."""
        if stage.mode != "fit_generator":
            return None
        own = stage.augmentation if isinstance(stage, Stage) else None
        return self.augmentation if own is None else own

    @property
    def any_augmentation(self) -> Augmentation | None:
        """The first augmentation that a part uses."""
        return next((found for stage in self.stages if (found := self.augmentation_of(stage)) is not None), self.augmentation)

    def all_callbacks(self) -> Iterator[tuple[tuple[str | int, ...], CallbackSetting]]:
        """The callbacks of the whole and then those of each part, with their key paths."""
        lists: list[tuple[tuple[str | int, ...], list[CallbackSetting]]] = [(("callbacks",), self.callbacks)]
        lists += [((*self.path_of(stage), "callbacks"), self.callbacks_of(stage)) for stage in self.stages]
        for path, callbacks in lists:
            for index, callback in enumerate(callbacks):
                yield (*path, index), callback

    def callbacks_of(self, stage: Train) -> list[CallbackSetting]:
        """The callbacks of a part alone."""
        return stage.callbacks if isinstance(stage, Stage) else []
