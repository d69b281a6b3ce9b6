from __future__ import annotations

import pytest

from fittool.errors import ExperimentError
from fittool.nn import losses as l
from fittool.nn import metrics as m
from fittool.nn.targets import Measure, Targets, check_targets

DIGITS = Targets("class numbers", (), 0, 9)
ONE_HOT = Targets("one-hot", (10,), 0, 1)
TWO = Targets("class numbers", (), 0, 1)
PRICES = Targets("numbers", (), -3.5, 2)

SPARSE, CATEGORICAL, BINARY = l.SparseCategoricalCrossentropy(), l.CategoricalCrossentropy(), l.BinaryCrossentropy()


@pytest.mark.parametrize(
    ("measure", "targets", "output"),
    [
        (SPARSE, DIGITS, (10,)), (SPARSE, Targets("class numbers", (1,), 0, 9), (10,)),
        (SPARSE, Targets("class numbers", (4, 4), 0, 2), (4, 4, 3)), (CATEGORICAL, ONE_HOT, (10,)),
        (l.SparseCategoricalCrossentropy(ignore_class=-1), Targets("class numbers", (), -1, 9), (10,)),
        (l.SparseCategoricalCrossentropy(ignore_class=255), Targets("class numbers", (), 0, 255), (10,)),
        (CATEGORICAL, Targets("numbers", (3,), 0.1, 0.7), (3,)), (BINARY, TWO, (1,)), (BINARY, ONE_HOT, (10,)),
        (l.MeanSquaredError(), PRICES, (1,)), (l.MeanSquaredError(), DIGITS, (1,)), (m.Accuracy(), DIGITS, (10,)),
        (m.Accuracy(), ONE_HOT, (10,)), (m.Accuracy(), TWO, (1,)), (m.Crossentropy(), DIGITS, (10,)),
    ],
    ids=str,
)  # fmt: skip
def test_fitting_targets_pass(measure: Measure, targets: Targets, output: tuple[int, ...]) -> None:
    check_targets([measure], targets, output)


@pytest.mark.parametrize(
    ("measure", "targets", "output", "text"),
    [
        (
            CATEGORICAL, DIGITS, (10,),
            "categorical_crossentropy expects one-hot targets, but data.train gives class numbers (0 to 9). "
            "Use sparse_categorical_crossentropy.",
        ),
        (
            l.CategoricalHinge(), DIGITS, (10,),
            "categorical_hinge expects one-hot targets, but data.train gives class numbers (0 to 9). "
            "Use sparse_categorical_crossentropy.",
        ),
        (
            m.Recall(class_id=10), ONE_HOT, (10,),
            "recall has class_id 10, but the network's output has places for 0 to 9 only.",
        ),
        (
            SPARSE, ONE_HOT, (10,),
            "sparse_categorical_crossentropy expects class numbers, but data.train gives one-hot targets of 10 classes. "
            "Use categorical_crossentropy.",
        ),
        (
            SPARSE, DIGITS, (9,),
            "data.train gives class numbers (0 to 9), but the network's output has places for 0 to 8 only. "
            "Give the last layer 10 units.",
        ),
        (
            SPARSE, TWO, (1,),
            "data.train gives class numbers (0 to 1), but the network's output has places for 0 to 0 only. "
            "Give the last layer 2 units, or use binary_crossentropy.",
        ),
        (
            SPARSE, Targets("class numbers", (), -1, 1), (2,),
            "sparse_categorical_crossentropy expects class numbers from 0, but data.train gives -1.",
        ),
        (
            SPARSE, PRICES, (2,),
            "sparse_categorical_crossentropy expects class numbers, but data.train gives numbers (-3.5 to 2).",
        ),
        (
            SPARSE, Targets("class numbers", (5,), 0, 1), (2,),
            "sparse_categorical_crossentropy expects targets of shape () for outputs of shape (2,), but data.train gives (5,).",
        ),
        (
            BINARY, DIGITS, (1,),
            "binary_crossentropy expects targets from 0 to 1, but data.train gives class numbers (0 to 9). "
            "Use sparse_categorical_crossentropy.",
        ),
        (BINARY, PRICES, (1,), "binary_crossentropy expects targets from 0 to 1, but data.train gives numbers (-3.5 to 2)."),
        (
            CATEGORICAL, ONE_HOT, (9,),
            "categorical_crossentropy expects targets of the outputs' shape (9,), but data.train gives (10,). "
            "Give the last layer 10 units, or choose a loss for these targets.",
        ),
        (
            CATEGORICAL, Targets("one-hot", (1,), 0, 1), (1,),
            "categorical_crossentropy expects at least two classes, but the network's output has one. Use binary_crossentropy.",
        ),
        (
            CATEGORICAL, Targets("numbers", (2,), -1, 1), (2,),
            "categorical_crossentropy expects one-hot targets or probabilities, but data.train gives numbers (-1 to 1).",
        ),
        (
            l.MeanSquaredError(), DIGITS, (10,),
            "mean_squared_error expects targets of the outputs' shape (10,), but data.train gives (). "
            "Give the last layer 1 unit, or choose a loss for these targets.",
        ),
        (
            l.Huber(), Targets("numbers", (4, 4), 0, 1), (3,),
            "huber expects targets of the outputs' shape (3,), but data.train gives (4, 4). "
            "Choose a loss for these targets, or change the network's output.",
        ),
        (
            m.SparseTopKCategoricalAccuracy(), ONE_HOT, (10,),
            "sparse_top_k_categorical_accuracy expects class numbers, but data.train gives one-hot targets of 10 classes. "
            "Use top_k_categorical_accuracy.",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_other_targets_are_refused(measure: Measure, targets: Targets, output: tuple[int, ...], text: str) -> None:
    with pytest.raises(ExperimentError, match=r".") as caught:
        check_targets([measure], targets, output)
    assert [problem.text for problem in caught.value.problems] == [text]


def test_all_measures_are_checked_at_once_and_one_text_comes_once() -> None:
    with pytest.raises(ExperimentError, match=r".") as caught:
        check_targets([CATEGORICAL, m.CategoricalCrossentropy(), m.CategoricalAccuracy()], DIGITS, (10,))
    assert len(caught.value.problems) == 2
