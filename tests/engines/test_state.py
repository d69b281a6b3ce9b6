"""A state is taken over only where it fits the network."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.state import check_state, check_whole_state
from fittool.errors import CheckpointError

NETWORK = {"weights/dense/kernel": np.zeros((3, 2), np.float32), "weights/dense/bias": np.zeros(2, np.float32)}


def test_a_part_of_a_state_is_enough_while_training() -> None:
    check_state({"weights/dense/bias": np.ones(2, np.float32)}, NETWORK)


def test_a_file_must_hold_all_of_it() -> None:
    check_whole_state(dict(NETWORK), NETWORK, "a.safetensors")
    with pytest.raises(CheckpointError, match=r"^a.safetensors: does not fit the network: weights/dense/bias is missing\.$"):
        check_whole_state({"weights/dense/kernel": NETWORK["weights/dense/kernel"]}, NETWORK, "a.safetensors")


@pytest.mark.parametrize("check", [check_state, lambda given, wanted: check_whole_state(given, wanted, "a")])
def test_the_first_five_differences_are_named(check: object) -> None:
    given = {f"weights/other{number}/kernel": np.zeros(1) for number in range(7)} | NETWORK
    with pytest.raises(CheckpointError, match=r"the network has no weights/other0/kernel; .*; and 2 more\.$"):
        check(given, NETWORK)  # type: ignore[operator]
