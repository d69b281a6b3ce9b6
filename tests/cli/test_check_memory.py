"""Memory is told before a training begins, and what is too much is a warning at the setting that asks for it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fittool.data.available_memory import Available


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr("fittool.engines.registry.available_memory", lambda: Available(2**20, "this machine has"))


def test_check_tells_what_training_needs_part_by_part(fittool, small):
    done = fittool("check", small)
    line = r"needs about \d+ MiB in the memory of this machine \(weights 1 MiB, gradients 1 MiB, optimizer 1 MiB, activations "
    assert re.search(line, done.err + done.out)
    assert "of which this process may use" in done.err + done.out
    assert "too large" not in done.err


def test_a_batch_that_is_too_large_is_told_at_its_setting(fittool, write, folder, little):
    write()
    chance = np.random.default_rng(0)
    np.savez(folder / "small.npz", x=chance.integers(0, 256, (600, 60, 60, 1), dtype=np.uint8), y=np.arange(600) % 3)
    done = fittool("check", write(("batch_size: 8", "batch_size: 400"), ("  epochs: 2", "  mode: fit_generator\n  epochs: 2")))
    assert done.code == 0
    assert re.search(r"warning: e\.yaml:\d+:\d+: A batch of 400 samples seems too large: it needs about \d+ MiB", done.err)
    assert "Set a smaller train.batch_size, or smaller layers." in done.err


def test_data_that_are_too_large_are_told_at_theirs(fittool, write, folder, little):
    write()
    x = np.zeros((3000, 50, 50, 1), np.uint8)
    np.savez(folder / "small.npz", x=x, y=np.arange(3000) % 3)
    done = fittool("check", write(("batch_size: 8", "batch_size: 1")))
    assert re.search(r"warning: e\.yaml:\d+:\d+: The data seem too large: training needs about \d+ MiB", done.err)
    assert "Use mode: fit_generator with cache: none" in done.err
