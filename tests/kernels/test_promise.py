"""The same bytes whatever NumPy and its BLAS would do: other instructions, another NumPy, other threads."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from kernels.everything import KINDS

from fittool.kernels.compiling import sets_of
from fittool.kernels.library import find_library

SETS = [one.name for one in sets_of(platform.machine()) if find_library(one.name)[0] is not None]
OTHER_PYTHON = os.environ.get("FITTOOL_OTHER_PYTHON", "")
"""A Python with another release of NumPy, and whatever else fittool and pytest need."""
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not SETS, reason="no kernels")


def dispatched() -> str:
    """The instructions that NumPy chooses while it runs, for NPY_DISABLE_CPU_FEATURES, which takes those of this processor."""
    try:
        from numpy._core import _multiarray_umath as features
    except ImportError:  # before NumPy 2
        from numpy.core import _multiarray_umath as features  # type: ignore[no-redef]
    return " ".join(name for name in features.__cpu_dispatch__ if features.__cpu_features__.get(name))


PLAIN: dict[str, str] = {}
NARROW = {
    "FITTOOL_INSTRUCTION_SET": SETS[-1] if SETS else "",
    "NPY_DISABLE_CPU_FEATURES": dispatched(),
    "OPENBLAS_CORETYPE": "Haswell",
}


@cache
def digests(python: str = sys.executable, kinds: tuple[str, ...] = (), **environment: str) -> dict[str, dict[str, str]]:
    """What `kernels.everything` prints in a process with some variables set."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    whole = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **environment}
    command = [python, "-W", "ignore", "-m", "kernels.everything", *kinds]
    done = subprocess.run(command, env=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def differing(one: dict[str, dict[str, str]], other: dict[str, dict[str, str]]) -> list[str]:
    return [f"{case}: {what}" for case, found in one.items() for what in found if other[case].get(what) != found[what]]


def test_everything_that_is_registered_gives_the_same_bytes_with_other_instructions() -> None:
    plain = digests(**PLAIN)
    assert differing(plain, digests(**NARROW)) == []
    assert {case.split(":")[0] for case in plain} == set(KINDS)


def test_a_form_that_cannot_be_tried_is_refused_for_what_it_is() -> None:
    refused = [found["refused"] for found in digests(**PLAIN).values() if "refused" in found]
    assert [one for one in refused if not one.startswith("DataError: ")] == []


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "environment",
    [
        {"OPENBLAS_CORETYPE": "Nehalem"},
        {"OPENBLAS_CORETYPE": "SkylakeX"},
        {"OPENBLAS_CORETYPE": "Zen"},
        {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        *({"FITTOOL_INSTRUCTION_SET": name} for name in SETS),
        {"NPY_DISABLE_CPU_FEATURES": dispatched()},
    ],
    ids=str,
)
def test_no_single_condition_changes_a_byte(environment: dict[str, str]) -> None:
    assert differing(digests(**PLAIN), digests(**environment)) == []


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(not OTHER_PYTHON, reason="FITTOOL_OTHER_PYTHON names no Python with another NumPy")
@pytest.mark.parametrize(
    "environment", [{}, {"OPENBLAS_CORETYPE": "Haswell", "FITTOOL_INSTRUCTION_SET": NARROW["FITTOOL_INSTRUCTION_SET"]}]
)
def test_another_release_of_numpy_gives_the_same_bytes(environment: dict[str, str]) -> None:
    asked = [OTHER_PYTHON, "-c", "import numpy; print(numpy.__version__)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() != np.__version__
    assert differing(digests(**PLAIN), digests(OTHER_PYTHON, **environment)) == []
