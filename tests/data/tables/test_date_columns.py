"""Dates: forms that are read, the order of day and month, parts."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from fittool.data.tables.date_columns import parse_date, read_order
from tests.data.tables.tables import column, encoded, fitted


def stamp(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("2024-02-03", "2024-02-03"),
        ("2024/2/3", "2024-02-03"),
        ("2024-02-03T04:05:06", "2024-02-03T04:05:06"),
        ("2024-02-03 04:05", "2024-02-03T04:05:00"),
        ("2024-02-03T04:05:06.789Z", "2024-02-03T04:05:06"),
        ("2024-02-03T04:05:06+01:00", "2024-02-03T03:05:06"),
        ("3 Feb 2024", "2024-02-03"),
        ("3-Feb-2024", "2024-02-03"),
        ("February 3, 2024", "2024-02-03"),
        ("2024-02-03 04:05 PM", "2024-02-03T16:05:00"),
        ("1969-12-31", "1969-12-31"),
    ],
)
def test_dates_that_mean_one_day(cell: str, meant: str) -> None:
    parsed = parse_date(cell)
    assert parsed is not None
    assert parsed.seconds == {"ymd": stamp(meant)}


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "x",
        "2024",
        "2024-13-01",
        "2023-02-29",
        "31/02/2024",
        "1/2/24",
        "2024-02-03 25:00",
        "12:30",
        "3 Foo 2024",
        "2024-02/03",
        "٣/1/2024",
    ],
)
def test_what_is_no_date(cell: str) -> None:
    assert parse_date(cell) is None


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["03/04/2024", "05/06/2024"], None),
        (["03/04/2024", "13/06/2024"], "dmy"),
        (["03/04/2024", "06/13/2024"], "mdy"),
        (["03.04.2024", "05.06.2024"], "dmy"),
        (["2024-03-04", "2024-05-06"], "ymd"),
        (["2024-03-04", "13-04-2024"], "dmy"),
    ],
)
def test_the_order_of_day_and_month(cells: list[str], order: str | None) -> None:
    assert read_order(cells).order == order


def test_both_orders_in_one_column_are_no_dates() -> None:
    assert read_order(["13/04/2024", "04/13/2024"]).order is None


def test_parts_of_a_date() -> None:
    cells = {"d": ["2023-01-01", "2024-04-16", "2025-12-31"]}
    encoder = fitted(cells, kinds={"d": {"date": {"parts": ["year", "month", "weekday", "time"]}}})
    assert [feature.role for feature in encoder.layout.features] == ["number", "cyclic", "cyclic", "cyclic", "cyclic", "number"]
    found = encoded(encoder, cells)
    np.testing.assert_allclose(found[:, 0], [0, 0.5, 1])
    np.testing.assert_allclose(found[:, 1:3], [[0, 1], [1, 0], [np.sin(11 * np.pi / 6), np.cos(11 * np.pi / 6)]], atol=1e-6)
    weekdays = np.array([6, 1, 2]) * 2 * np.pi / 7  # a Sunday, a Tuesday, a Wednesday
    np.testing.assert_allclose(found[:, 3:5], np.stack([np.sin(weekdays), np.cos(weekdays)], axis=1), atol=1e-6)
    np.testing.assert_allclose(found[[0, 2], 5], [0, 1])


def test_parts_that_differ_are_taken_by_default() -> None:
    hours = {"d": [f"2024-05-01 {n % 24:02d}:30" for n in range(48)]}
    assert {feature.name for feature in fitted(hours).layout.features} == {"d hour sine", "d hour cosine", "d time"}


def test_gaps_and_later_dates() -> None:
    cells = {"d": ["2024-01-01", "", "2024-01-03"]}
    encoder = fitted(cells, kinds={"d": {"date": {"parts": ["weekday", "time"]}}})
    assert encoder.layout.names[-1] == "d is missing"
    found = encoded(encoder, {"d": ["", "2024-01-05"]})
    assert found[0].tolist() == [0, 0, 0.5, 1]
    assert found[1, 2:].tolist() == [2, 0]


def test_cells_that_are_no_dates_in_the_order_of_training_are_reported() -> None:
    encoder = fitted({"d": ["13/01/2024", "14/02/2024"]}, kinds={"d": "date"})
    reports = encoder.encode({"d": column("d", ["01/13/2024", "x", "", "2024-01-13"], keep_text=True)}, 4).reports
    assert reports["d"].bad.tolist() == [0, 1]
