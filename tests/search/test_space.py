"""The values of trials are functions of the seed and the number of the trial."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fittool.config.sweeping.section import Range
from fittool.search.space import Space

LISTS = Space({"a": [1, 2, 3], "b": ["x", {"y": 1}], "c": Range(low=0, high=1, step=0.5)}, 7)


def test_a_grid_has_all_combinations_the_last_parameter_first():
    expected = itertools.product([1, 2, 3], ["x", {"y": 1}], [0, 0.5, 1])
    assert [tuple(LISTS.combination(number).values()) for number in range(18)] == list(expected)


@pytest.mark.parametrize(
    "one",
    [
        Range(low=3, high=9),
        Range(low=16, high=100, step=16),
        Range(low=0.1, high=0.5, step=0.1),
        Range(low=1, high=500, log=True),
    ],
)
def test_each_value_with_a_step_is_drawn(one: Range):
    space = Space({"a": one}, 1)
    drawn = {space.drawn(number)["a"] for number in range(20_000)}
    assert drawn == {one.number(place) for place in range(one.count or 0)}
    assert {type(value) for value in drawn} == {int if one.is_whole else float}


def test_numbers_are_drawn_evenly():
    space = Space({"a": Range(low=-1.0, high=3), "b": Range(low=0.001, high=10, log=True)}, 3)
    drawn = [space.drawn(number) for number in range(4000)]
    for values in ([(one["a"] + 1) / 4 for one in drawn], [(math.log10(one["b"]) + 3) / 4 for one in drawn]):
        assert 0 <= min(values) < 0.01 < 0.99 < max(values) <= 1
        assert np.histogram(values, 4, (0, 1))[0] == pytest.approx([1000] * 4, abs=100)


def test_whole_numbers_on_a_log_scale_weigh_by_their_logarithm():
    space = Space({"a": Range(low=1, high=100, log=True)}, 3)
    drawn = np.array([space.drawn(number)["a"] for number in range(4000)])
    assert np.mean(drawn <= 10) == pytest.approx(math.log(10.5 / 0.5) / math.log(100.5 / 0.5), abs=0.03)


def test_a_parameter_is_drawn_the_same_whatever_others_there_are():
    alone = Space({"a": LISTS.parameters["a"]}, 7)
    assert [alone.drawn(number)["a"] for number in range(30)] == [LISTS.drawn(number)["a"] for number in range(30)]


def test_the_seed_decides():
    first, second = (Space({"a": Range(low=0.0, high=1)}, seed) for seed in (1, 2))
    assert first.drawn(0) == first.drawn(0)
    assert first.drawn(0) != second.drawn(0)
    assert first.drawn(0) != first.drawn(1)
