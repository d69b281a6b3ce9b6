"""The sections of an experiment: data, model, compile, train and output, each with Keras's names and defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.callbacks import CALLBACKS, CallbackSetting
from fittool.config.per_output import LossPerOutput, MetricsPerOutput, NumberPerOutput
from fittool.data.sources import SOURCES, Source
from fittool.data.splits.split_setting import VALIDATION, SplitSetting
from fittool.nn.layers import LAYERS, Layer
from fittool.nn.losses import Loss
from fittool.nn.objectives import Objective, share_out
from fittool.nn.optimizers import OPTIMIZERS, Optimizer, RMSprop
from fittool.nn.presets import PRESETS, Preset
from fittool.settings import DOES_NOT_COUNT, NAMES_CODE, Boolean, Field, Integer, Number, Pair, Text, setting
from fittool.settings.first_use import DescribedLater
from fittool.settings.optional_section import optional_section

if TYPE_CHECKING:
    from fittool.augmentation.settings import Augmentation
    from fittool.config.target import Target
    from fittool.data.tables.column_kinds import ColumnDefaults, ColumnKinds

    OptionalAugmentation: TypeAlias = Augmentation | None
    OptionalTarget: TypeAlias = Target | None
    OptionalKinds: TypeAlias = ColumnKinds | None
    OptionalDefaults: TypeAlias = ColumnDefaults | None
else:  # imported when a file has them
    OptionalAugmentation = optional_section("fittool.augmentation.settings", "Augmentation")
    OptionalTarget = optional_section("fittool.config.target", "Target")
    OptionalKinds = optional_section("fittool.data.tables.column_kinds", "ColumnKinds")
    OptionalDefaults = optional_section("fittool.data.tables.column_kinds", "ColumnDefaults")

_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float | None:
    """The seconds in a time such as `30s`, `5m` or `2h`; None where the text is no time, or a time of no length."""
    match = _FORM.fullmatch(text)
    seconds = None if match is None else float(match[1]) * _SECONDS[match[2]]
    return seconds or None


def _duration(value: object) -> object:
    if isinstance(value, str) and seconds_of(value) is not None:
        return value
    raise PydanticCustomError("duration", "must be a time such as 30s, 5m or 2h")


Duration = Annotated[str, PlainValidator(_duration, json_schema_input_type=str)]
"""A time such as `30s`, `5m` or `2h`."""


_LARGEST_SIDE = 65_535
_LARGEST_BATCH = 1_000_000
_MOST_EPOCHS = 1_000_000


def _positive(pair: tuple[int, int]) -> tuple[int, int]:
    if min(pair) < 1 or max(pair) > _LARGEST_SIDE:
        raise PydanticCustomError("image_size", f"must be from 1 to {_LARGEST_SIDE:,}")
    return pair


@setting
class Image:
    """The way of image files into arrays (H, W, C)."""

    size: Annotated[Pair, AfterValidator(_positive)] | None = Field(
        default=None,
        description="Height and width that every image is resized to, one number for both; by default all have the same already.",
    )
    color_mode: Literal["grayscale", "rgb", "rgba"] = Field(default="rgb", description="Channels: 1, 3 or 4.")
    interpolation: Literal["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"] = Field(
        default="bilinear", description="How pixels are computed when an image is resized."
    )
    fit: Literal["stretch", "crop", "pad"] = Field(
        default="stretch",
        description="How an image of other proportions comes to the size: stretched, its largest middle part, or whole with "
        "black beside it.",
    )
    white_level: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="The value that is white in grey images of more than 8 bits, such as 4095 or 1.0; by default 65535 of 16 "
        "bits, 255 of 32 bits, and floating-point numbers are refused.",
    )


@setting
class Data:
    """The sources of samples, and how they are read."""

    train: Annotated[Source, SOURCES] = Field(description="The source of the samples to train on.")
    validation: Annotated[Source | SplitSetting, VALIDATION] | None = Field(
        default=None,
        description="The source of the samples to validate on, or {split: …} for a part of the training data; without it see "
        "train.validation_split.",
    )
    fraction: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=1.0, description="Share of the training samples to use, chosen at random, of each class alike; for quick trials."
    )
    oversample: Literal["balanced"] | None = Field(
        default=None, description="balanced: each pass shows each class equally often, samples of rare ones several times."
    )
    image: Image = Field(default_factory=Image, description="How image files become arrays.")
    class_mode: Literal["auto", "sparse", "categorical", "binary", "input"] | None = Field(
        default="auto",
        description="Form of the labels: class numbers, one-hot rows, 0 or 1, the input itself, or none (null); "
        "auto: what the loss needs.",
    )
    target: OptionalTarget = Field(default=None, description="How the numbers of a regression are learnt; as they are if absent.")
    cache: Annotated[Literal["none", "ram", "disk", "device", "features"], DOES_NOT_COUNT] = Field(
        default="none",
        description="Whether decoded samples are kept in mode fit_generator: in memory (`ram`), or in a file below "
        "~/.cache/fittool (or XDG_CACHE_HOME) that later runs and other processes use too (`disk`). `device` keeps them, in any "
        "mode, in the memory of the graphics card of engine torch, which makes and augments batches there. "
        "`features`: of stages whose first layers are frozen, what these give for each sample, without augmentation.",
    )
    columns: OptionalKinds = Field(
        default=None,
        description="The kinds of a table's columns by their names, such as {sex: category, born: {date: {order: dmy}}}; the "
        "training part says what the others are. Without this and column_defaults numbers stay as they are, all of them.",
    )
    column_defaults: OptionalDefaults = Field(
        default=None,
        description="Settings of the columns of a table that are not named in columns, such as the scale of numbers.",
    )
    on_missing_label: Literal["drop", "error"] = Field(
        default="drop", description="Whether a row of a table that has no label is left out, which is told, or an error."
    )
    on_bad_file: Literal["error", "skip"] = Field(
        default="error", description="Whether a file that cannot be read ends the run or is left out."
    )
    timeout: Annotated[Duration, DOES_NOT_COUNT] = Field(
        default="10m",
        description="How long a worker may take for one batch, such as 30s, 5m or 2h; then the run ends with an error that says "
        "where it hangs.",
    )

    @property
    def timeout_seconds(self) -> float:
        """`timeout` in seconds."""
        return seconds_of(self.timeout) or 0.0


@setting
class Model:
    """The network: a list of layers, a preset, or a function that makes one in PyTorch."""

    layers: list[Annotated[Layer, LAYERS]] | None = Field(
        default=None,
        min_length=1,
        description="Layers by Keras's class names; each takes the one before it unless `inputs` says otherwise.",
    )
    preset: Annotated[Preset, PRESETS] | None = Field(default=None, description="A ready network, with its sizes as arguments.")
    python: Annotated[Text | None, NAMES_CODE] = Field(
        default=None,
        description="`module:function` of a file beside the experiment, which gives a `torch.nn.Module`; for the engine torch.",
    )
    arguments: dict[Text, Any] = Field(default_factory=dict, description="What the function is called with.")
    outputs: Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None, description="Names of the layers that are the outputs, in the targets' order; by default the last."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Model:
        if sum(given is not None for given in (self.layers, self.preset, self.python)) != 1:
            raise PydanticCustomError("layers_or_preset", "must hold either layers or preset or python")
        if self.arguments and self.python is None:
            raise PydanticCustomError("arguments_of_nothing", "must hold no arguments without python")
        return self


@setting
class Compile:
    """The loss that training minimises, its optimizer, and the metrics that it reports."""

    optimizer: Annotated[Optimizer, OPTIMIZERS] = Field(
        default_factory=lambda: RMSprop(), description="How gradients move the weights."
    )
    loss: LossPerOutput = Field(kw_only=True, description="What is minimised. For several outputs a mapping by their names.")
    loss_weights: NumberPerOutput | None = Field(
        default=None, description="What each output's loss counts in the total, by the outputs' names; 1 by default."
    )
    metrics: MetricsPerOutput = Field(
        default_factory=list, description="What is reported beside the loss; for several outputs a mapping by their names."
    )
    weighted_metrics: MetricsPerOutput = Field(
        default_factory=list, description="What is reported with sample weights; for several outputs a mapping by their names."
    )

    @property
    def main_loss(self) -> Loss:
        """The loss, or that of the first output that is named: it says what form the labels have."""
        return self.loss if isinstance(self.loss, Loss) else next(iter(self.loss.values()))

    def objectives(self, outputs: Sequence[str]) -> dict[str, Objective]:
        """The loss and metrics that are asked of each output.

        Raises:
            ExperimentError: A name is no output.
        """
        return share_out(
            outputs,
            loss=self.loss,
            metrics=self.metrics,
            weighted_metrics=self.weighted_metrics,
            loss_weights=self.loss_weights,
        )


def _steps(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise PydanticCustomError("steps", "must be auto or a whole number of at least 1")


Steps = Annotated[int | str, PlainValidator(_steps, json_schema_input_type=Annotated[int, Field(ge=1)] | Literal["auto"])]
"""A number of batches, or `auto`: as many as the data give."""


def _verbose(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2):
        return value
    raise PydanticCustomError("verbose", "must be auto, 0, 1 or 2")


Verbose = Annotated[int | str, PlainValidator(_verbose, json_schema_input_type=Literal["auto", 0, 1, 2])]
"""The amount that is printed."""


Weight = Annotated[Number, Field(ge=0)]
ClassWeight = Annotated[dict[str, Weight], Field(min_length=1)]


@setting
class Train:
    """The length of training, and its batches."""

    mode: Literal["fit", "fit_generator", "train_on_batch"] = Field(
        default="fit",
        description="fit: all samples in memory; fit_generator: batches made by workers as they are needed, augmented if asked; "
        "train_on_batch: your own loop over such batches.",
    )
    batch_size: Integer = Field(default=32, ge=1, le=_LARGEST_BATCH, description="Samples in a batch.")
    epochs: Annotated[Integer, Field(ge=1, le=_MOST_EPOCHS)] | None = Field(
        default=None,
        description="Number of the last epoch, of a stage its length; by default 10 in mode fit, else 1.",
    )
    initial_epoch: Integer = Field(default=0, ge=0, description="Epochs that count as done before the first.")
    warmup_epochs: Annotated[Number, Field(ge=0)] = Field(
        default=0.0,
        description="Epochs in which the learning rate rises from 0 in a line; a schedule begins after them. In stages, of the "
        "first.",
    )
    overfit_batches: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None,
        description="Train on so many batches only, the same ones in each epoch, without augmentation and dropout, and validate "
        "on them: to see whether the network can learn them by heart. In stages, of the first.",
    )
    steps_per_epoch: Steps = Field(default="auto", description="Batches in an epoch; auto: all samples once.")
    validation_steps: Steps = Field(default="auto", description="Batches in a validation; auto: all samples once.")
    validation_split: Annotated[Number, Field(ge=0, lt=1)] = Field(
        default=0.0,
        description="Share of the training data that is validated on: the last part, before shuffling; "
        "of a folder, the last part of each class.",
    )
    shuffle: Boolean = Field(default=True, description="Whether each epoch has its own order.")
    class_weight: ClassWeight | Literal["balanced"] | None = Field(
        default=None, description="Weight of each class in the loss, by name or number; balanced: rare classes weigh more."
    )
    workers: Annotated[Integer, DOES_NOT_COUNT] = Field(
        default=1, ge=0, le=256, description="Threads that make batches in mode fit_generator; 0: none beside the main one."
    )
    use_multiprocessing: Annotated[Boolean, DOES_NOT_COUNT] = Field(
        default=False,
        description="Whether the workers that make training batches are processes instead of threads: for generators that hold "
        "Python's lock, and for augmentation on several cores.",
    )
    max_queue_size: Annotated[Integer, DOES_NOT_COUNT] = Field(
        default=10, ge=1, le=100_000, description="Batches that are under way or wait, ready made, in mode fit_generator."
    )
    verbose: Annotated[Verbose, DOES_NOT_COUNT] = Field(
        default="auto", description="0: nothing; 1: a live bar; 2: one line an epoch; auto: 1 on a terminal, else 2."
    )
    view_metrics: Annotated[Boolean | Literal["auto"], DOES_NOT_COUNT] = Field(
        default="auto",
        description="Whether report.html beside the run shows the metrics live; auto: where the extra `report` is installed and "
        "there is more than one epoch.",
    )
    loop: Annotated[Text | None, NAMES_CODE] = Field(
        default=None,
        description="module:function, your own loop in mode train_on_batch, called once an epoch with model, batches and epoch; "
        "the module is a file beside the experiment.",
    )


def _patterns(value: object) -> object:
    """One pattern stands for a list of one."""
    return [value] if isinstance(value, str) else value


Patterns = Annotated[list[Text], BeforeValidator(_patterns, json_schema_input_type=str | list[str])]
"""Names with wildcards, such as `conv*`; a single one need not be a list."""


RateFactors = dict[Text, Annotated[Number, Field(ge=0)]]
"""A factor on the learning rate by names of layers with wildcards; the first pattern that fits counts."""


@setting
class Stage(Train, DescribedLater):
    """A part of a training: everything that `train` has, and what is different in this part."""

    name: Annotated[Text | None, DOES_NOT_COUNT] = Field(
        default=None, min_length=1, description="What rows call it; by default its number."
    )
    augmentation: OptionalAugmentation = Field(
        default=None, description="Instead of the experiment's augmentation, in mode fit_generator."
    )
    learning_rate: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="The learning rate at its beginning; by default as it is."
    )
    callbacks: list[Annotated[CallbackSetting, CALLBACKS]] = Field(
        default_factory=list, description="Callbacks of this stage alone; when they end training, the next stage begins."
    )
    trainable: Patterns | None = Field(
        default=None, description="Names of the layers that learn, with wildcards such as conv*; by default those that always do."
    )
    learning_rates: RateFactors | None = Field(
        default=None,
        description="Factors on the rate by names of layers with wildcards, such as {stage4_*: 0.1}; the first that fits.",
    )


Stages = Annotated[list[Stage], Field(min_length=1)]
"""A training in stages."""


@setting
class StepInterval(DescribedLater):
    """An interval of training steps."""

    steps: Integer = Field(ge=1, description="Training steps between two checkpoints.")


def _every(value: object) -> object:
    if isinstance(value, str):
        if value == "epoch" or seconds_of(value) is not None:
            return value
    elif isinstance(value, StepInterval):
        return value
    elif isinstance(value, Mapping):
        return StepInterval(**value)
    raise PydanticCustomError("interval", "must be epoch, a time such as 5m, or {steps: 500}")


Every = Annotated[StepInterval | str, PlainValidator(_every, json_schema_input_type=StepInterval | str)]
"""`epoch`, a time such as `30s`, `5m` or `2h`, or `{steps: 500}`."""


@setting
class Checkpoint:
    """When the state of training is saved."""

    every: Every = Field(
        default="epoch", description="Also save in between: epoch (only at its end), a time such as 5m, or {steps: 500}."
    )

    @property
    def seconds(self) -> float | None:
        """The time between two checkpoints; None where the interval is no time."""
        return seconds_of(self.every) if isinstance(self.every, str) else None

    @property
    def steps(self) -> int | None:
        """The training steps between two checkpoints; None where the interval is no number of steps."""
        return self.every.steps if isinstance(self.every, StepInterval) else None


@setting
class Output:
    """The place of runs, and what they save."""

    dir: Text = Field(default="runs", min_length=1, description="Folder of all runs, relative to the working directory.")
    checkpoint: Checkpoint = Field(default_factory=Checkpoint, description="When the state of training is saved.")
    report: Annotated[Boolean | Literal["auto"], DOES_NOT_COUNT] = Field(
        default="auto",
        description="Whether a run ends with its report (report.html and plots, as `fittool report` writes them); auto: where "
        "the extra `report` is installed.",
    )
