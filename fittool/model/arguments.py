"""The plain arguments of `fit` and its kin, checked: numbers, truth values, how much is shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import numpy as np

from fittool.callbacks import Callback
from fittool.errors import ExperimentError
from fittool.report.live_page import live_page, machine_default
from fittool.training.display.terminal import Verbose
from fittool.training.plan import Plan

BATCH_SIZE = 32
"""Keras's default."""


def check_int(what: str, value: Any, least: int = 1) -> int:
    """A whole number.

    Raises:
        TypeError: It is something else.
        ExperimentError: A ValueError: it is smaller than `least`.
    """
    # To Python True is the number 1, but as a number of epochs or samples it is a mistake.
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{what} must be a whole number; got {value!r}.")
    if value < least:
        raise ExperimentError(f"{what} must be at least {least}; got {value}.")
    return int(value)


def check_int_or_none(what: str, value: Any) -> int | None:
    """A whole number from 1, or None; errors as for `check_int`."""
    return None if value is None else check_int(what, value)


def verbosity(value: Any) -> Verbose:
    """The amount that is shown; without a value the machine's default, FITTOOL_VERBOSE, and without that 1.

    Raises:
        ExperimentError: A ValueError: it is neither auto, 0, 1 nor 2.
    """
    levels: dict[str, Verbose] = {"auto": "auto", "0": 0, "1": 1, "2": 2}
    default = os.environ.get("FITTOOL_VERBOSE") or "1"
    written = default if value is None else str(int(value)) if isinstance(value, bool | int) else value
    if written not in levels:
        if value is None:
            raise ExperimentError(f"FITTOOL_VERBOSE must be auto, 0, 1 or 2; got {default}.")
        raise ExperimentError(f"verbose must be auto, 0, 1 or 2; got {value!r}.")
    return levels[cast("str", written)]


def check_bool(what: str, value: Any) -> bool:
    """A truth value.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} must be True or False; got {value!r}.")
    return bool(value)


def plan_of(
    epochs: Any, initial_epoch: Any, steps: Any, validation_steps: Any, frequency: Any, *, within_pass: bool = False
) -> Plan:
    """The length of a training, from the arguments of `fit`; errors as for `check_int`."""
    often = check_int("validation_freq", frequency) if not isinstance(frequency, list | tuple | set) else sorted(frequency)
    return Plan(
        check_int("epochs", epochs, 0),
        check_int("initial_epoch", initial_epoch, 0),
        check_int_or_none("steps_per_epoch", steps),
        check_int_or_none("validation_steps", validation_steps),
        often,
        within_pass,
    )


def page_of(view_metrics: Any, epochs: int) -> list[Callback]:
    """The callback that keeps the live page, if there is to be one.

    Raises:
        ExperimentError: A ValueError: `view_metrics` is neither auto, True nor False.
        MachineError: It is asked for, but the extra is missing.
    """
    if view_metrics not in (True, False, "auto"):
        raise ExperimentError(f"view_metrics must be auto, True or False; got {view_metrics!r}.")
    page = live_page(machine_default() if view_metrics == "auto" else bool(view_metrics), Path("report.html"), "fittool", epochs)
    return [] if page is None else [page]


def batch_size_of(asked: Any, plan: Plan, samples: int) -> int:
    """Samples in a batch; by default 32, or so many that the steps asked for make one pass."""
    if asked is None and plan.steps_per_epoch is not None:
        return -(-samples // plan.steps_per_epoch)
    return check_int_or_none("batch_size", asked) or BATCH_SIZE
