"""The same bytes whatever NumPy and its BLAS would do: other instructions, another NumPy, other threads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from kernels.everything import KINDS
from kernels.test_bytes import OTHER_PYTHON, SETS, dispatched

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not SETS, reason="no kernels")


PLAIN: dict[str, str] = {}
NARROW = {
    "FITTOOL_INSTRUCTION_SET": SETS[-1] if SETS else "",
    "NPY_DISABLE_CPU_FEATURES": dispatched(),
    "OPENBLAS_CORETYPE": "Haswell",
}


NOT_EXACT = re.compile(
    r"np\.(exp2?|log(2|10|1p)?|expm1|(a?sin|a?cos|a?tan)h?|power|matmul|[vi]?dot|inner|einsum|tensordot|linalg)\b"
)


def test_no_formula_of_the_engine_asks_numpy_for_what_is_not_rounded_once() -> None:
    engine = ROOT / "fittool/engines/numpy_engine"
    files = [*engine.rglob("*.py"), ROOT / "fittool/nn/activations.py", ROOT / "fittool/rng.py"]
    lines = [(path.name, line.strip()) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 5000
    # The logarithm of 2 is one number in double precision, rounded to single.
    assert [one for one in lines if NOT_EXACT.search(one[1].replace("np.log(2)", ""))] == []


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
