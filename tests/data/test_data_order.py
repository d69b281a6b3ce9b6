"""The order of a pass."""

from __future__ import annotations

import numpy as np
import pytest

from fittool import rng
from fittool.data.order import Order


def test_without_shuffling_samples_come_as_they_stand() -> None:
    order = Order(7, 3, 1, shuffle=False)
    assert [order.batch(step)[2].tolist() for step in range(4)] == [[0, 1, 2], [3, 4, 5], [6], [0, 1, 2]]


@pytest.mark.parametrize(("samples", "batch_size"), [(10, 4), (70_000, 999), (200_000, 66_000)])
def test_the_order_is_the_permutation_of_the_pass(samples: int, batch_size: int) -> None:
    order = Order(samples, batch_size, 7, shuffle=True)
    steps = range(order.steps_per_pass, 2 * order.steps_per_pass)
    joined = np.concatenate([order.batch(step)[2] for step in steps])
    np.testing.assert_array_equal(joined, rng.permuted(7, "order", 1, positions=np.arange(samples), size=samples))


def test_each_pass_has_its_own_order() -> None:
    order = Order(100, 100, 7, shuffle=True)
    assert order.batch(0)[2].tolist() != order.batch(1)[2].tolist()


def test_a_batch_says_its_pass_and_position() -> None:
    assert Order(10, 4, 7, shuffle=True).batch(5)[:2] == (1, 8)


def test_a_long_pass_is_worked_out_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    permuted = rng.permuted
    monkeypatch.setattr(
        rng,
        "permuted",
        lambda *at, positions, size: asked.append(len(positions)) or permuted(*at, positions=positions, size=size),
    )
    order = Order(1_000_000, 32, 7, shuffle=True)
    for step in range(5000):
        order.batch(step)
    assert asked == [65_536] * 3
