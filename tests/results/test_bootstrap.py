from __future__ import annotations

import numpy as np
import pytest

from fittool.results.bootstrap import MOST_UNITS, RESAMPLES, draws, exact_share, interval_of, unit_of


def covered(draw, truth, times=1000):
    """The share of simulated validations whose mean's interval holds the truth."""
    chance = np.random.default_rng(5)
    samples = len(draw(chance))
    units = unit_of(samples)
    counts = np.bincount(units).astype(float)
    drawn = draws(len(counts))
    sums = np.stack([np.bincount(units, weights=draw(chance)) for _ in range(times)], axis=1)
    means = drawn @ sums / (drawn @ counts)[:, None]
    found = [interval_of(means[:, time], samples) for time in range(times)]
    return np.mean([one.low <= truth <= one.high for one in found])


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda chance: chance.uniform(size=100) < 0.8, 0.8),
        (lambda chance: chance.uniform(size=400) < 0.95, 0.95),
        (lambda chance: chance.normal(size=20), 0.0),
        (lambda chance: chance.exponential(size=200), 1.0),
        (lambda chance: chance.uniform(size=2500) < 0.9, 0.9),
    ],
    ids=["accuracy of 100", "accuracy of 400", "error of 20", "loss of 200", "2,500 in groups"],
)
def test_intervals_cover_the_truth_as_often_as_they_say(draw, truth):
    """Of 1,000 simulated validations; the deviation of the share itself is 0.7 %."""
    assert covered(draw, truth) == pytest.approx(0.95, abs=0.025)


def test_draws_are_as_many_as_there_are_units_and_always_the_same():
    drawn = draws(7)
    assert drawn.shape == (RESAMPLES, 7)
    assert (drawn.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(drawn, draws(7))


@pytest.mark.parametrize("samples", [1, MOST_UNITS, MOST_UNITS + 1, 12_345])
def test_units_are_of_equal_size_and_made_at_random(samples):
    units = unit_of(samples)
    sizes = np.bincount(units)
    assert len(units) == samples and len(sizes) == min(samples, MOST_UNITS)
    assert sizes.max() - sizes.min() <= 1
    if samples > 2 * MOST_UNITS:
        assert len(np.unique(units[:MOST_UNITS])) < MOST_UNITS


@pytest.mark.parametrize(("values", "samples"), [([1.0, 2.0, 3.0], 2), ([1.0, np.nan, 3.0], 9), ([], 9)])
def test_too_few_have_no_interval(values, samples):
    assert interval_of(np.array(values), samples) is None


def test_exact_share():
    """Of 59 samples that were all right, the share may be 5 % off (the rule of three says 5.1 % for one side)."""
    assert exact_share(1.0, 59).low == pytest.approx(0.9394, abs=1e-4)
    assert exact_share(1.0, 59).high == 1.0
    assert exact_share(0.0, 59).high == pytest.approx(1 - 0.9394, abs=1e-4)
