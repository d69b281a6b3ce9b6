"""Chance is a function: the same question gives the same answer, and answers look random."""

from __future__ import annotations

import numpy as np
import pytest

from fittool import rng


def test_numbers_depend_on_position_alone():
    together = rng.uniforms(7, "rotation", 3, positions=[5, 6, 7], draws=2)
    alone = rng.uniforms(7, "rotation", 3, positions=[6], draws=2)
    np.testing.assert_array_equal(together[1:2], alone)


@pytest.mark.parametrize("other", [(8, "rotation", 3), (7, "zoom", 3), (7, "rotation", 4)])
def test_seed_purpose_and_counters_all_matter(other):
    here = rng.uniforms(7, "rotation", 3, positions=range(100))
    there = rng.uniforms(other[0], other[1], other[2], positions=range(100))
    assert abs(np.corrcoef(here[:, 0], there[:, 0])[0, 1]) < 0.35
    assert not np.any(here == there)


def test_uniforms_fill_the_unit_interval_evenly():
    numbers = rng.uniforms(1, "test", positions=range(100_000))[:, 0]
    counts = np.histogram(numbers, bins=100, range=(0, 1))[0]
    chi_square = np.sum((counts - 1000) ** 2 / 1000)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert 60 < chi_square < 149  # 99 degrees of freedom: outside with probability 0.001 on each side


def test_draws_of_one_position_are_independent():
    numbers = rng.uniforms(1, "test", positions=range(50_000), draws=2)
    assert abs(np.corrcoef(numbers.T)[0, 1]) < 0.02


def test_normals_have_mean_zero_and_variance_one():
    numbers = rng.normals(3, "noise", positions=range(100_000))
    assert abs(numbers.mean()) < 0.015
    assert numbers.var() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [1, 2, 10, 1000, 65_536, 65_537, 200_003])
def test_permutation_holds_each_element_once(size):
    order = rng.permuted(5, "order", 1, positions=np.arange(size), size=size)
    np.testing.assert_array_equal(np.sort(order), np.arange(size))


def test_permutation_answers_for_single_positions():
    whole = rng.permuted(5, "order", 1, positions=np.arange(70_000), size=70_000)
    assert rng.permuted(5, "order", 1, positions=[12_345], size=70_000)[0] == whole[12_345]


def test_small_permutations_are_all_equally_likely():
    orders = [tuple(rng.permuted(seed, "order", positions=range(3), size=3)) for seed in range(6000)]
    counts = np.array([orders.count(order) for order in sorted(set(orders))])
    assert len(counts) == 6
    assert np.sum((counts - 1000) ** 2 / 1000) < 20.5  # 5 degrees of freedom: above with probability 0.001


@pytest.mark.parametrize("size", [5000, 100_000])
def test_elements_land_everywhere(size):
    """Where element block i lands: the table of blocks against blocks is even."""
    order = rng.permuted(9, "order", 2, positions=np.arange(size), size=size)
    table = np.histogram2d(np.arange(size), order, bins=10)[0]
    assert np.sum((table - size / 100) ** 2 / (size / 100)) < 130  # 81 degrees of freedom


@pytest.mark.parametrize("size", [65_537, 1_000_000, 10**9])
def test_one_position_of_many_passes_is_uniform(size):
    landed = [int(rng.permuted(11, "order", turn, positions=[7], size=size)[0]) for turn in range(5000)]
    counts = np.histogram(landed, bins=50, range=(0, size))[0]
    assert np.sum((counts - 100) ** 2 / 100) < 85.4  # 49 degrees of freedom: above with probability 0.001


def test_neighbours_are_torn_apart():
    size = 1_000_000
    order = rng.permuted(3, "order", 0, positions=np.arange(size), size=size)
    counts = np.histogram(np.diff(order) % size, bins=100, range=(0, size))[0]
    assert np.sum((counts - size / 100) ** 2 / (size / 100)) < 149  # 99 degrees of freedom


def test_a_billion_samples_need_no_array():
    positions = np.arange(999_999_000, 1_000_000_000)
    order = rng.permuted(3, "order", 4, positions=positions, size=10**9)
    assert len(np.unique(order)) == 1000
    assert order.max() < 10**9


def test_each_pass_has_its_own_order():
    first, second = (rng.permuted(5, "order", turn, positions=range(1000), size=1000) for turn in (0, 1))
    assert np.mean(first == second) < 0.02


def test_keep_bits_are_even_and_depend_on_the_key():
    numbers = np.arange(100_000, dtype=np.uint32)
    outs = []
    for key in (rng.key_of(1, "dropout", 0), rng.key_of(1, "dropout", 1)):
        out, scratch = np.empty_like(numbers), np.empty_like(numbers)
        rng.keep_bits(key, numbers, out, scratch)
        outs.append(out)
    halves = outs[0].view(np.uint16)
    assert np.mean(halves < 16384) == pytest.approx(0.25, abs=0.005)
    assert abs(np.corrcoef(outs[0], outs[1])[0, 1]) < 0.02
    assert abs(np.corrcoef(halves[:-1], halves[1:])[0, 1]) < 0.01


def test_nothing_touches_the_global_generator():
    before = np.random.get_state()[1].copy()
    rng.generator(1, "weights").standard_normal(10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
