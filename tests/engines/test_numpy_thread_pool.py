"""The thread pool runs every chain, in order within a chain, and hands on what goes wrong."""

from __future__ import annotations

from functools import partial

import pytest

from fittool.engines.numpy_engine.thread_pool import ThreadPool


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("chains", [1, 3, 9])
def test_every_task_runs_once_and_in_order(threads, chains):
    pool, seen = ThreadPool(threads), [[] for _ in range(chains)]
    pool.run([[partial(seen[chain].append, turn) for turn in range(5)] for chain in range(chains)])
    assert seen == [[0, 1, 2, 3, 4]] * chains
    pool.close()


def _fail():
    raise ValueError("broken task")


@pytest.mark.parametrize("chain", [0, 1])
def test_an_exception_in_any_chain_is_raised_by_run(chain):
    pool, chains = ThreadPool(2), [[list], [list]]
    chains[chain] = [_fail]
    with pytest.raises(ValueError, match="broken task"):
        pool.run(chains)
    pool.run([[list], [list]])  # the pool works on
    pool.close()
