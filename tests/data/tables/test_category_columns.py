"""Categories and two values: levels, gaps, rare and unknown words."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.tables.category_columns import embedding_width
from fittool.data.tables.encoder import TableEncoder
from tests.data.tables.tables import column, encoded, fitted

WORDS = {"a": ["u", "v", " u", "NA", "w", "u"]}


def test_a_feature_for_each_level_and_one_for_gaps() -> None:
    encoder = fitted(WORDS, kinds={"a": "category"})
    assert encoder.layout.names == ("a=u", "a=v", "a=w", "a=(missing)")
    expected = [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_array_equal(encoded(encoder, WORDS), expected)


def test_an_unknown_word_has_no_level_and_is_reported() -> None:
    encoder = fitted(WORDS, kinds={"a": "category"})
    found = encoder.encode({"a": column("a", ["x", "v"], keep_text=True)}, 2)
    np.testing.assert_array_equal(found.values, [[0, 0, 0, 0], [0, 1, 0, 0]])
    assert found.reports["a"].unknown.tolist() == [0]


def test_a_number_without_end_is_a_level() -> None:
    assert fitted({"a": ["1e400", "2.50", "u", "2.5"]}, kinds={"a": "category"}).layout.names == ("a=2.5", "a=inf", "a=u")


def test_rare_words_share_the_place_of_unknown_ones() -> None:
    encoder = fitted(WORDS, kinds={"a": {"category": {"rare": 2}}})
    assert encoder.layout.names == ("a=u", "a=(missing)", "a=(other)")
    np.testing.assert_array_equal(encoded(encoder, {"a": ["v", "x", "u", ""]}), [[0, 0, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_where_all_levels_are_rare_none_is_merged() -> None:
    encoder = fitted({"a": [f"A-{n // 2}" for n in range(60)]})
    (made,), (feature,) = encoder.columns, encoder.layout.features
    assert (feature.levels, made.note) == (31, "vectors of 11, all are rare, so none is merged: A-0, A-1, A-10, A-11, …")
    assert encoded(encoder, {"a": ["A-0", "A-10", "new", ""]})[:, 0].tolist() == [0, 2, 30, 30]


def test_where_all_features_would_be_rare_none_is_merged() -> None:
    encoder = fitted(WORDS, kinds={"a": {"category": {"rare": 9}}})
    assert encoder.layout.names == ("a=u", "a=v", "a=w", "a=(missing)")
    assert "all are rare, so none is merged" in encoder.columns[0].note


@pytest.mark.parametrize("encode", ["one_hot", "embedding"])
def test_merged_words_are_seen_ones(encode: str) -> None:
    encoder = fitted(WORDS, kinds={"a": {"category": {"encode": encode, "rare": 2}}})
    found = encoder.encode({"a": column("a", ["v", "x", "u", " w", ""])}, 5)
    assert found.reports["a"].unknown.tolist() == [1]
    assert encoder.plain()["columns"][0]["rare"] == {"levels": 2, "rows": 2, "merged": [["v", 1], ["w", 1]]}


def test_a_run_that_has_not_kept_the_merged_words_counts_them_as_unknown() -> None:
    plain = fitted(WORDS, kinds={"a": {"category": {"rare": 2}}}).plain()
    del plain["columns"][0]["rare"]["merged"]
    found = TableEncoder.of(plain).encode({"a": column("a", ["v", "x", "u", ""])}, 4)
    np.testing.assert_array_equal(found.values, [[0, 0, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert found.reports["a"].unknown.tolist() == [0, 1]
    assert TableEncoder.of(plain).plain() == plain


@pytest.mark.parametrize(("written", "place"), [("embedding", 4), ({"category": {"encode": "embedding", "rare": 1}}, 4)])
def test_codes_keep_their_last_place_for_what_training_has_not_seen(written: object, place: int) -> None:
    settings = written if isinstance(written, dict) else {"category": {"encode": "embedding", "rare": 1}}
    encoder = fitted(WORDS, kinds={"a": settings})
    (feature,) = encoder.layout.features
    assert (feature.role, feature.levels, feature.width) == ("code", 5, embedding_width(5))
    assert encoded(encoder, {"a": ["u", "v", "w", "", "x"]})[:, 0].tolist() == [0, 1, 2, 3, place]


def test_a_gap_that_training_did_not_have_is_unknown() -> None:
    encoder = fitted({"a": ["u", "v"] * 5}, kinds={"a": {"category": {"encode": "embedding", "rare": 1}}})
    assert encoded(encoder, {"a": ["", "v"]})[:, 0].tolist() == [2, 1]


def test_ten_levels_are_features_and_eleven_are_codes() -> None:
    assert len(fitted({"a": [f"w{n % 10}" for n in range(60)]}).layout) == 10
    assert fitted({"a": [f"w{n % 11}" for n in range(60)]}).layout.features[0].role == "code"


def test_numbers_are_levels_by_value_unless_they_have_leading_zeros() -> None:
    encoder = fitted({"a": [f"{n % 3}" for n in range(60)]})
    np.testing.assert_array_equal(encoded(encoder, {"a": ["1", "1.0", " 2", "x"]}), [[0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    codes = fitted({"a": [f"0{n % 3}" for n in range(60)]})
    np.testing.assert_array_equal(encoded(codes, {"a": ["01", "02", "1"]}), [[0, 1, 0], [0, 0, 1], [0, 0, 0]])


def test_numbers_that_are_names_are_in_order_of_their_values() -> None:
    encoder = fitted({"a": ["10", "9", "100"] * 20}, kinds={"a": "category"})
    assert encoder.layout.names == ("a=9", "a=10", "a=100")


@pytest.mark.parametrize(
    ("cells", "ones"),
    [
        (["yes", "no", "YES"], [1, 0, 1]),
        (["t", "f", "t"], [1, 0, 1]),
        (["1", "0", "1.0"], [1, 0, 1]),
        (["up", "down", "up"], [1, 0, 1]),
    ],
)
def test_two_values_are_one_feature(cells: list[str], ones: list[int]) -> None:
    encoder = fitted({"a": cells}, kinds={"a": "boolean"})
    assert encoded(encoder, {"a": cells})[:, 0].tolist() == ones


def test_gaps_among_two_values_get_the_share_of_ones() -> None:
    cells = {"a": ["yes", "no", "", "yes", "no", "yes", "yes"]}
    encoder = fitted(cells, kinds={"a": "boolean"})
    np.testing.assert_allclose(encoded(encoder, cells)[:, 0], [1, 0, 4 / 6, 1, 0, 1, 1])
    assert encoded(encoder, cells)[:, 1].tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_a_level_of_any_name_comes_back_from_json() -> None:
    cells = {"a": ["nonfinite", "nan ", '"', "é", "(other)"] * 4}
    values = encoded(fitted(cells, kinds={"a": "category"}), cells)  # `fitted` goes once round through JSON
    assert len(np.unique(values[:5], axis=0)) == 5
