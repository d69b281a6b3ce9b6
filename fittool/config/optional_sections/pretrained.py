"""Weights of earlier trainings, and how they are trained on."""

from __future__ import annotations

from typing import Annotated, Literal

from fittool.config.sections import Patterns, RateFactors
from fittool.settings import Boolean, Field, Integer, Number, Text, setting


@setting
class InitialWeights:
    """Weights of an earlier training, to start from."""

    from_: Text = Field(
        alias="from",
        min_length=1,
        description="A run directory, of which the best checkpoint is taken, or a file: .safetensors of fittool or with names of "
        "PyTorch, .pth and .pt (extra torch), .keras and .h5 (extra keras).",
    )
    strict: Boolean = Field(
        default=True,
        description="Whether a weight that is missing, superfluous or of another shape is an error; else it is left out.",
    )
    classes: Literal["by_name"] | None = Field(
        default=None,
        description="by_name: of the last layer, what belongs to classes that are still there is taken by their names, the rest "
        "is left as drawn.",
    )


@setting
class FineTune:
    """Training on from weights of an earlier training: first a new head, then the last layers before it, too."""

    head_epochs: Annotated[Integer, Field(ge=0)] = Field(
        default=3, description="Epochs in which only the layers behind the last pooling learn, at the optimizer's rate."
    )
    epochs: Annotated[Integer, Field(ge=0)] = Field(default=12, description="Epochs in which more layers learn, after that.")
    learning_rate: Annotated[Number, Field(gt=0)] = Field(
        default=1e-4, description="The rate of these; small, as the weights are good already."
    )
    schedule: Literal["cosine"] | None = Field(
        default="cosine",
        description="How it changes: cosine, a fifth of it in the first epoch, while the optimizer gets to know the layers, then "
        "falling along half a cosine; null, not at all.",
    )
    unfreeze: Literal["last_stage", "all"] | Patterns = Field(
        default="last_stage",
        description="What learns then beside the head: last_stage, the layers of the smallest images; all; or names with "
        "wildcards. Batch normalizations stay as they are, unless they are named.",
    )
    learning_rates: RateFactors | None = Field(
        default=None, description="Factors on the rate by names of layers with wildcards, such as {stage4_*: 0.1}."
    )
