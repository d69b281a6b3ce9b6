"""Numbers: gaps filled, scales, indicators."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.tables.normal_distribution import normal_quantiles
from tests.data.tables.tables import column, encoded, fitted

CELLS = ["1", "2", "NA", "3", "10"]


@pytest.mark.parametrize(("missing", "fill"), [("median", 2.5), ("mean", 4.0), ("zero", 0.0), (7, 7.0), (-1.5, -1.5)], ids=str)
def test_gaps_are_filled_and_shown(missing: object, fill: float) -> None:
    encoder = fitted({"a": CELLS}, kinds={"a": {"number": {"missing": missing}}})
    np.testing.assert_array_equal(encoded(encoder, {"a": CELLS}), [[1, 0], [2, 0], [fill, 1], [3, 0], [10, 0]])
    assert encoder.layout.names == ("a", "a is missing")


def test_a_gap_that_training_did_not_have_is_filled_without_an_indicator() -> None:
    encoder = fitted({"a": ["1", "2", "6"]})
    np.testing.assert_array_equal(encoded(encoder, {"a": ["5", "", "NA"]}), [[5], [2], [2]])


@pytest.mark.parametrize(
    ("scale", "first", "last"), [("none", 1, 9), ("standard", -1.4142135, 1.4142135), ("robust", -1, 1), ("minmax", 0, 1)]
)
def test_scales(scale: str, first: float, last: float) -> None:
    cells = {"a": ["1", "3", "5", "7", "9"]}
    found = encoded(fitted(cells, kinds={"a": {"number": {"scale": scale}}}), cells)
    assert found[[0, -1], 0] == pytest.approx([first, last])


@pytest.mark.parametrize("scale", ["none", "standard", "robust", "minmax", "quantile"])
@pytest.mark.parametrize("beside", ["2", ""], ids=["number", "gap"])
@pytest.mark.parametrize("cell", ["1e39", "-1e39", "1e308", "1e400"])
def test_a_number_that_is_too_large_is_encoded_without_a_warning(scale: str, beside: str, cell: str) -> None:
    encoder = fitted({"a": ["1", "3", "5", "7", "9"]}, kinds={"a": {"number": {"scale": scale}}})
    assert encoded(encoder, {"a": [cell, "5", beside]})[1] == encoded(encoder, {"a": ["5"]})[0]


def test_indicators_are_not_scaled() -> None:
    found = encoded(fitted({"a": CELLS}, defaults={"number": {"scale": "standard"}}), {"a": CELLS})
    assert found[:, 1].tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("scale", ["standard", "robust", "minmax", "quantile"])
def test_a_constant_is_never_divided_by_nothing(scale: str) -> None:
    cells = {"a": ["0.1"] * 1000}
    encoder = fitted(cells, kinds={"a": {"number": {"scale": scale}}})
    assert np.isfinite(encoded(encoder, {"a": ["0.1", "0.2"]})).all()
    assert abs(encoded(encoder, {"a": ["0.1"]})[0, 0]) < 1e-6


def test_a_few_large_numbers_among_equal_ones_are_no_larger_than_the_range() -> None:
    cells = {"a": ["0"] * 95 + ["10", "20", "30", "40", "1000"]}
    found = encoded(fitted(cells, kinds={"a": {"number": {"scale": "robust"}}}), cells)
    assert (found.min(), found.max()) == (0, 2)


def test_many_equal_numbers_at_an_edge_get_their_middle_rank() -> None:
    cells = {"a": ["0"] * 600 + [str(n) for n in range(1, 401)]}
    found = encoded(fitted(cells, kinds={"a": {"number": {"scale": "quantile"}}}), cells)
    assert found[0, 0] == pytest.approx(normal_quantiles(np.array([0.3]))[0], abs=0.01)
    assert (np.diff(found[599:, 0]) > 0).all()


def test_numbers_far_outside_of_the_range_are_reported() -> None:
    encoder = fitted({"a": [str(n) for n in range(11)], "b": [str(n % 6) for n in range(11)]}, drops_useless=False)
    cells = {"a": ["20", "21", "-11"], "b": ["3", "3", "3"]}
    report = encoder.encode({name: column(name, values) for name, values in cells.items()}, 3).reports
    assert {name: one.outside.tolist() for name, one in report.items()} == {"a": [1, 2]}


def test_statistics_are_those_of_the_rows_to_train_on() -> None:
    cells = ["1", "2", "3", "100", "NA"]
    encoder = fitted({"a": cells}, rows=[0, 1, 2], kinds={"a": {"number": {"scale": "minmax"}}})
    np.testing.assert_array_equal(encoded(encoder, {"a": cells})[:, 0], np.array([0, 0.5, 1, 49.5, 0.5], np.float32))
