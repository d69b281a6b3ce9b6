"""The columns of a table within an experiment: what is said of them, and how they become features once the split is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fittool.data.dataset import base_of
from fittool.experiment.building.error_location import error_location
from fittool.experiment.building.transforms import Standardized
from fittool.nn.graph import layer_names
from fittool.nn.layers import Input

if TYPE_CHECKING:
    from fittool.config.experiment_file import LoadedExperiment
    from fittool.data.dataset import Dataset
    from fittool.data.tables.column_plan import ColumnPlan
    from fittool.data.tables.encoder import TableEncoder
    from fittool.nn.layers import Layer
    from fittool.nn.shapes import Shape

EMBEDDING = "column_embedding"


def plan_of(loaded: LoadedExperiment) -> ColumnPlan | None:
    """The experiment's settings of columns; None where its data are no tables."""
    data = loaded.experiment.data
    if not any(getattr(source, "has_columns", False) for source in (data.train, data.validation)):
        return None
    from fittool.data.tables.column_kinds import ColumnDefaults
    from fittool.data.tables.column_plan import ColumnPlan

    def place(name: str) -> str:
        named = name in (data.columns or {})
        return loaded.place("data", "columns", name) if named else loaded.place("data", "train")

    return ColumnPlan(
        kinds=data.columns or {},
        defaults=data.column_defaults or ColumnDefaults(),
        drops_useless=data.columns is not None or data.column_defaults is not None,
        place=place,
    )


def with_features(
    loaded: LoadedExperiment, train: Dataset, others: Sequence[Dataset], encoder: TableEncoder | None = None
) -> tuple[list[Dataset], TableEncoder | None]:
    """Parts of the training data with features in place of a table's columns; data of other kinds as they are.

    Args:
        loaded: The experiment.
        train: The part to train on, which alone says how.
        others: The other parts.
        encoder: What is fixed already, as in a run that goes on.

    Returns:
        `train` and the others, and the encoder of a table.

    Raises:
        DataError: A column is not of its kind, or none can be learnt from.
    """
    whole, samples = base_of(train)
    if getattr(whole, "raw", None) is None:  # which a table has alone
        return [train, *others], None
    from fittool.data.tables.unencoded import encoded_together

    with error_location(loaded, "data", "train"):
        if encoder is None:
            encoder = whole.raw.fit(samples)  # type: ignore[attr-defined]  # it is not encoded yet
        return encoded_together([train, *others], encoder), encoder


def with_embedding(
    loaded: LoadedExperiment, layers: list[Layer], encoder: TableEncoder | None, shapes: Mapping[str, Shape]
) -> Standardized:
    """The layers behind one that puts vectors in place of a table's codes; as they are where there are no codes.

    Args:
        loaded: The experiment.
        layers: The network, whose first layer would read the codes as numbers, unless a preset made it to look them up.
        encoder: Of the table.
        shapes: Of the data's inputs, by name; the last is that of the features.
    """
    layer = None if encoder is None else encoder.layout.embedding(EMBEDDING)
    if layer is None:
        return Standardized(layers)
    from fittool.nn.layers import ColumnEmbedding

    preset = loaded.experiment.model.preset
    looked_up = any(isinstance(one, ColumnEmbedding) for one in layers)
    if looked_up or (preset is not None and preset.embeds_codes):
        return Standardized(layers)
    split = max((index + 1 for index, one in enumerate(layers) if isinstance(one, Input)), default=0)
    if split == 0 and len(shapes) == 1 and not any(one.inputs and "input" in one.inputs for one in layers):
        return Standardized([layer, *layers], 0, 1)
    names = [name for name, one in zip(layer_names(layers), layers, strict=True) if isinstance(one, Input)] or list(shapes)
    entry = names[-1]
    later = [_behind(one, entry) for one in layers[split:]]
    return Standardized([*layers[:split], replace(layer, inputs=(entry,)), *later], split, 1)


def _behind(layer: Layer, entry: str) -> Layer:
    if layer.inputs is None or entry not in layer.inputs:
        return layer
    return replace(layer, inputs=tuple(EMBEDDING if name == entry else name for name in layer.inputs))
