from __future__ import annotations

import pytest

from fittool.report.pages.ticks import linear_axis, tick_text, value_axis, whole_axis


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([0.13, 0.87], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([-3.0, 7.0], [-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]),
        ([5.0, 5.0], [4.4, 4.6, 4.8, 5.0, 5.2, 5.4, 5.6]),
    ],
)
def test_linear_axis(values, ticks):
    axis = linear_axis(values)
    assert axis.ticks == pytest.approx(ticks)
    assert all(0 <= axis.share(value) <= 1 for value in values)


def test_values_over_powers_of_ten_are_logarithmic():
    axis = value_axis([0.002, 30.0])
    assert (axis.is_log, axis.ticks) == (True, pytest.approx((0.001, 0.01, 0.1, 1, 10, 100)))
    assert axis.share(0.001) == 0 and axis.share(100) == pytest.approx(1) and axis.share(1) == pytest.approx(0.6)


def test_values_that_are_not_positive_are_linear():
    assert not value_axis([0.0, 1e6]).is_log
    assert not value_axis([-1.0, 1e6]).is_log


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 2), (3, 17), (1, 1000)])
def test_whole_axis_has_whole_numbers(first, last):
    axis = whole_axis(first, last)
    assert axis.ticks and all(tick == int(tick) for tick in axis.ticks)
    assert 0 <= axis.share(first) <= axis.share(last) <= 1


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "0.25"), (1000.0, "1,000"), (1e-5, "1e-05"), (0.30000000000000004, "0.3"), (0.0, "0")]
)
def test_tick_text(value, text):
    assert tick_text(value) == text
