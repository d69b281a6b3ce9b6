"""Statistics of the numbers of a table: held against NumPy's quantiles, and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.nn.number_statistics import bin_edges, center_and_scale


def test_center_and_scale_are_median_and_quartiles() -> None:
    numbers = np.array([[0, 5, 7], [1, 5, 7], [2, 5, 7], [3, 5, 7], [8, 9, 7]], np.float32)
    found = center_and_scale(numbers)
    np.testing.assert_array_equal(found["center"], [2, 5, 7])
    np.testing.assert_allclose(found["scale"], [1 / 2, 2 / 4, 0])  # the second by half of its range; the third is constant


def test_edges_of_numbers_that_differ_are_their_quantiles() -> None:
    numbers = np.random.default_rng(3).permutation(np.arange(1001, dtype=np.float32) ** 2)[:, np.newaxis]
    np.testing.assert_allclose(bin_edges(numbers, 10)[0], np.quantile(numbers, np.linspace(0, 1, 11)), rtol=0.03, atol=1)


def test_few_distinct_numbers_have_a_bin_between_each() -> None:
    np.testing.assert_array_equal(bin_edges(np.array([[3.0], [1], [1], [2]], np.float32), 5), [[1, 2, 3, 3, 3, 3]])


def test_a_constant_has_no_bin() -> None:
    np.testing.assert_array_equal(bin_edges(np.full((9, 1), 4, np.float32), 3), [[4, 4, 4, 4]])


@pytest.mark.parametrize("bins", [8, 16, 100])
def test_a_value_that_most_rows_have_leaves_the_bins_to_the_others(bins: int) -> None:
    others = np.random.default_rng(5).uniform(1, 2, 500).astype(np.float32)
    found = bin_edges(np.concatenate([np.zeros(9500, np.float32), others])[:, np.newaxis], bins)[0]
    assert found[0] == 0
    inside = np.histogram(others, found[1:])[0]
    assert len(np.unique(found)) >= bins  # one bin is that of 0
    assert inside.max() <= 3 * 500 / bins


def test_edges_begin_and_end_with_the_range_and_never_fall() -> None:
    numbers = np.random.default_rng(7).standard_t(1, (3000, 4)).astype(np.float32)
    edges = bin_edges(numbers, 64)
    np.testing.assert_array_equal(edges[:, 0], numbers.min(axis=0))
    np.testing.assert_array_equal(edges[:, -1], numbers.max(axis=0))
    assert (np.diff(edges, axis=1) >= 0).all()
