"""The thread team runs every lane, in order within a lane, and hands on what goes wrong."""

from __future__ import annotations

from functools import partial

import pytest

from fittool.engines.numpy_engine.threads import ThreadTeam


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("lanes", [1, 3, 9])
def test_every_task_runs_once_and_in_order(threads, lanes):
    team, seen = ThreadTeam(threads), [[] for _ in range(lanes)]
    team.run([[partial(seen[lane].append, turn) for turn in range(5)] for lane in range(lanes)])
    assert seen == [[0, 1, 2, 3, 4]] * lanes
    team.close()


def _fail():
    raise ValueError("broken task")


@pytest.mark.parametrize("lane", [0, 1])
def test_an_exception_in_any_lane_is_raised_by_run(lane):
    team, lanes = ThreadTeam(2), [[list], [list]]
    lanes[lane] = [_fail]
    with pytest.raises(ValueError, match="broken task"):
        team.run(lanes)
    team.run([[list], [list]])  # the team works on
    team.close()
