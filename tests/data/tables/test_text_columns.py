"""Texts in hashed places."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.tables.text_columns import murmur_hash
from tests.data.tables.tables import encoded, fitted

TEXTS = {"t": ["A red house", "a red house", "green trees", ""]}


@pytest.mark.parametrize(
    ("text", "value"), [("", 0), ("a", 1009084850), ("ab", -1681926305), ("größe", -472672705), ("hello", 613153351)]
)
def test_murmur_hash(text: str, value: int) -> None:
    assert murmur_hash(text) == value


def test_equal_words_have_equal_features_and_gaps_none() -> None:
    encoder = fitted(TEXTS, kinds={"t": {"text": {"width": 32}}})
    found = encoded(encoder, TEXTS)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[3].tolist() == [0] * 32
    np.testing.assert_allclose(np.linalg.norm(found[:3, :16], axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found[:3, 16:], axis=1), 1, rtol=1e-6)


def test_similar_words_share_pieces() -> None:
    texts = {"t": ["housing houses", "houses housing", "tree"]}
    found = encoded(fitted(texts, kinds={"t": {"text": {"width": 256}}}), texts)[:, 128:]
    assert found[0] @ found[1] > 0.99
    assert abs(found[0] @ found[2]) < 0.3
