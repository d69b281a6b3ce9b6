"""The scale of the numbers to predict: its values by hand, its inverse, and what is told of it in files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fittool.nn.output_targets import OutputTargets, TargetScale, TargetsError, plain_targets, targets_from

TWO = np.array([[1.0, 100.0], [3.0, 300.0]])


def test_standard_is_mean_and_deviation_of_each_column():
    scale = TargetScale.learn("standard", TWO, 2)
    assert (scale.center, scale.spread) == ((2.0, 200.0), (1.0, 100.0))
    np.testing.assert_array_equal(scale.scale(TWO), [[-1, -1], [1, 1]])


def test_log_is_that_of_the_logarithm_of_one_more():
    scale = TargetScale.learn("log", np.array([0.0, math.e**2 - 1]), 1)
    np.testing.assert_allclose((scale.center, scale.spread), [[1.0], [1.0]])
    np.testing.assert_allclose(scale.scale(np.array([[0.0], [math.e**2 - 1]])), [[-1], [1]])


@pytest.mark.parametrize("kind", ["standard", "log"])
def test_undo_is_the_inverse(kind):
    amounts = np.exp(np.random.default_rng(0).normal(3, 2, (50, 3)))
    scale = TargetScale.learn(kind, amounts, 3)
    np.testing.assert_allclose(scale.undo(scale.scale(amounts)), amounts, rtol=1e-12)


def test_a_target_that_never_changes_is_divided_by_one():
    scale = TargetScale.learn("standard", np.full(7, 0.1), 1)
    assert scale.spread == (1.0,)


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_the_axis_of_an_only_target_may_be_missing(shape):
    targets = np.arange(6.0)
    assert TargetScale.learn("standard", targets.reshape(shape), 1) == TargetScale.learn("standard", targets, 1)


def test_steps_of_a_sequence_share_a_scale():
    scale = TargetScale.learn("standard", np.arange(6.0).reshape(2, 3), 1)
    assert scale.center == (2.5,)


def test_outputs_that_nothing_has_taught_stay_finite():
    scale = TargetScale("log", (0.0,), (1.0,))
    assert np.isfinite(scale.undo(np.array([[1e9]], np.float32)).astype(np.float32)).all()


def test_files_hold_it_to_the_bit():
    targets = {"size": OutputTargets(("mm", "g"), TargetScale.learn("standard", TWO / 3, 2)), "kind": OutputTargets()}
    plain = plain_targets(targets)
    assert set(plain) == {"size"}
    assert targets_from(plain, {"size": 2, "kind": 4}) == {"size": targets["size"]}


GOOD = {"names": [], "scale": "standard", "center": [0.0], "spread": [1.0]}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"out": 3},
        {"out": GOOD | {"names": "ab"}},
        {"out": GOOD | {"names": [1]}},
        {"out": GOOD | {"scale": "cubic"}},
        {"out": GOOD | {"center": [0.0, 0.0]}},
        {"out": GOOD | {"center": "0"}},
        {"out": GOOD | {"spread": [0.0]}},
        {"out": GOOD | {"spread": [True]}},
        {"out": GOOD | {"spread": [math.nan]}},
        {"other": GOOD},
    ],
    ids=str,
)
def test_what_fittool_did_not_write_is_refused(data):
    assert targets_from({"out": GOOD}, {"out": 1})
    with pytest.raises(TargetsError, match="not what fittool wrote"):
        targets_from(data, {"out": 1})
