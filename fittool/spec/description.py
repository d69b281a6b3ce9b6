"""The experiment as a whole: what a file describes, with every section."""

from __future__ import annotations

import re
from typing import Annotated

from fittool.augmentation import Augmentation
from fittool.settings import Field, Integer, Text, setting
from fittool.spec.sections import ENGINES, Compile, Data, EngineSetting, Model, Numpy, Output, Train
from fittool.training.callbacks import CALLBACKS, CallbackSetting

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def name_from(text: str) -> str:
    """A run's name as close to any text as names can be."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:100] or "experiment"


@setting
class Experiment:
    """One experiment file: data, network and training."""

    name: Annotated[Text, Field(pattern=NAME_PATTERN)] | None = Field(
        default=None, description="The run's name; by default the file's, without its ending."
    )
    seed: Integer = Field(
        default=0, ge=0, lt=2**63, description="All chance comes from this number: the same seed gives the same weights."
    )
    engine: Annotated[EngineSetting, ENGINES] = Field(default_factory=Numpy, description="What executes the steps.")
    data: Data = Field(kw_only=True, description="Where samples come from, and how they are read.")
    augmentation: Augmentation | None = Field(
        default=None, description="Random changes to training images, ImageDataGenerator's arguments; for mode fit_generator."
    )
    model: Model = Field(kw_only=True, description="The network: a list of layers, or a preset.")
    compile: Compile = Field(kw_only=True, description="What the training minimises, how, and what it reports.")
    train: Train = Field(default_factory=Train, description="How long and in which batches to train.")
    callbacks: list[Annotated[CallbackSetting, CALLBACKS]] = Field(
        default_factory=list, description="What happens beside the training."
    )
    output: Output = Field(default_factory=Output, description="Where runs go, and what they save.")
