"""The variables of torchrun say which process this is; half of them, or nonsense, is told."""

from __future__ import annotations

import pytest

from fittool.distributed.environment import RankEnvironment, rank_environment
from fittool.errors import UsageError

TORCHRUN = {
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "node-0", "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_USE_AGENT_STORE": "True",
}  # fmt: skip


def test_the_place_among_the_processes_of_torchrun() -> None:
    place = rank_environment(TORCHRUN)
    assert place == RankEnvironment(3, 4, 1, "node-0", 29500, "fittool/none/2", is_served=True, launched=False)


def test_each_attempt_has_words_of_its_own() -> None:
    again = rank_environment({**TORCHRUN, "TORCHELASTIC_RESTART_COUNT": "3"})
    assert again is not None and again.job == "fittool/none/3"


@pytest.mark.parametrize("missing", ["RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"])
def test_without_one_of_these_a_process_trains_alone(missing: str) -> None:
    assert rank_environment({name: value for name, value in TORCHRUN.items() if name != missing}) is None


def test_one_process_trains_alone() -> None:
    assert rank_environment({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}) is None


def test_what_the_launcher_writes_is_what_a_process_reads() -> None:
    place = RankEnvironment(1, 2, 1, "127.0.0.1", 1234, "fittool/fittool-launch/5", is_served=True, launched=True)
    assert rank_environment(place.variables()) == place


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RANK", "first", 'RANK is "first"'),
        ("MASTER_PORT", "-1", 'MASTER_PORT is "-1"'),
        ("RANK", "4", "RANK is 4, but WORLD_SIZE is 4"),
    ],
)
def test_nonsense_is_told(name: str, value: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        rank_environment({**TORCHRUN, name: value})
