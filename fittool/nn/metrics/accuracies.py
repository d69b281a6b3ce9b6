"""Shares of right answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fittool.nn.targets import Expected, FollowsShapes, Form, Metric, Share
from fittool.settings import Field, Integer, Named, Number, setting


@setting
class _TopK(Named):
    """The depth to which a metric looks into the ranking of the classes."""

    k: Integer = Field(default=5, ge=1, description="The true class counts as found if it is among this many.")


@setting
class BinaryAccuracy(Share):
    """The share of outputs on the target's side of a threshold."""

    threshold: Number = Field(default=0.5, description="Outputs above it count as 1.")


@setting
class SparseCategoricalAccuracy(Share):
    """The share of samples whose largest output is that of their class number."""

    expects: ClassVar[Expected] = "class numbers"


@setting
class CategoricalAccuracy(Share):
    """The share of samples whose largest output is where their target is largest."""

    expects: ClassVar[Expected] = "one-hot"


@setting
class SparseTopKCategoricalAccuracy(Share, _TopK):
    """The share of samples whose class number is among the k largest outputs."""

    expects: ClassVar[Expected] = "class numbers"


@setting
class TopKCategoricalAccuracy(Share, _TopK):
    """The share of samples whose largest target is among the k largest outputs."""

    expects: ClassVar[Expected] = "one-hot"


@setting
class Accuracy(FollowsShapes, Share):
    """Binary, sparse categorical or categorical accuracy, whichever the shapes ask for."""

    kinds: ClassVar[Mapping[Form, type[Metric]]] = {
        "binary": BinaryAccuracy,
        "sparse": SparseCategoricalAccuracy,
        "categorical": CategoricalAccuracy,
    }
