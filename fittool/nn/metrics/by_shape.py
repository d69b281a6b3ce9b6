"""Metrics whose meaning follows from the shapes of targets and outputs, as in Keras."""

from __future__ import annotations

from typing import Literal

from fittool.nn.metrics.accuracies import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from fittool.nn.metrics.base import Metric, Share
from fittool.nn.metrics.means import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from fittool.nn.shapes import Shape
from fittool.nn.targets import Measure
from fittool.settings import setting


def _form(target_shape: Shape, output_shape: Shape) -> Literal["binary", "sparse", "categorical"]:
    """What kind of answer is asked for, told from the shapes as Keras does."""
    if output_shape[-1:] == (1,):
        return "binary"
    return "sparse" if len(target_shape) < len(output_shape) or target_shape[-1] == 1 else "categorical"


@setting
class Accuracy(Share):
    """Binary, sparse categorical or categorical accuracy, whichever the shapes ask for."""

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """The accuracy for these shapes, under the same name."""
        kinds: dict[str, type[Metric]] = {
            "binary": BinaryAccuracy,
            "sparse": SparseCategoricalAccuracy,
            "categorical": CategoricalAccuracy,
        }
        return kinds[_form(target_shape, output_shape)](name=self.log_name)


@setting
class Crossentropy(Metric):
    """Binary, sparse categorical or categorical crossentropy of probabilities, whichever the shapes ask for."""

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """The crossentropy for these shapes, under the same name."""
        kinds: dict[str, type[Metric]] = {
            "binary": BinaryCrossentropy,
            "sparse": SparseCategoricalCrossentropy,
            "categorical": CategoricalCrossentropy,
        }
        return kinds[_form(target_shape, output_shape)](name=self.log_name)
