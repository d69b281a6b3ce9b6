"""The kernels compiled with the sanitizers of addresses and of undefined behaviour, on random networks and at random."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fittool.kernels.compiling import compile_library, find_compiler, library_name, sets_of
from fittool.kernels.library import find_library

TESTS = Path(__file__).parents[1]
SCRIPT = """
import sys
from pathlib import Path

from fittool.engines.numpy_engine.operations import base
from fittool.kernels import library

library.LIBRARIES = Path(sys.argv[1])
base.SCRATCH_FLOOR = 0  # as much as is needed, so that what lies behind it is not ours
assert library.find_library()[0] is not None, library.find_library()[1]

from augmentation.test_native import compare_warps
from engines import test_numpy_native_channels as channels
from engines import test_numpy_native_embedding, test_numpy_native_recurrent
from engines import test_numpy_native_losses as losses
from fittool.kernels.native_arithmetic import NativeArithmetic
from kernels import everything, test_arithmetic
from engines.test_numpy_native import KINDS, compare

for seed in range(int(sys.argv[2])):
    for kind in KINDS:
        compare(kind, seed)
    test_numpy_native_recurrent.compare(seed)
    compare_warps(seed)
for make in (channels.rescaling, channels.normalization, channels.standardization):
    channels.test_channels_have_the_bytes_of_numpy(make, False)
test_numpy_native_embedding.test_rows_are_added_one_after_the_other()
test_numpy_native_embedding.test_what_is_no_row_is_passed_over()
for name in losses.LOSSES:
    losses.test_kernels_agree_with_the_formulas(name, True)
    losses.test_outputs_far_away(name)
native = NativeArithmetic(library.find_library()[0])
test_arithmetic.test_products(native)
test_arithmetic.test_sums_of_few_or_none(native)
test_arithmetic.test_dot_and_rows_by_number(native)
for kind in everything.KINDS.values():
    for _, one in kind():
        try:
            one()
        except everything.DataError:
            pass
print("nothing found")
"""
_FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")


def runtime(compiler: list[str]) -> str | None:
    """The sanitizer's library, which must be there before Python begins."""
    said = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False).stdout.strip()
    return said if os.path.isabs(said) and Path(said).exists() else None


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.skipif(find_library()[0] is None, reason=find_library()[1])
def test_the_sanitizers_find_nothing(tmp_path: Path) -> None:
    compiler = find_compiler()
    preloaded = None if compiler is None else runtime(compiler)
    if compiler is None or preloaded is None or not shutil.which(compiler[0]):
        pytest.skip("no compiler with sanitizers")
    found, _ = find_library()
    assert found is not None
    instructions = next(one for one in sets_of(platform.machine()) if one.name == found.instructions)
    compile_library(compiler, instructions, tmp_path / library_name(instructions), extra=_FLAGS)
    environment = {**os.environ, "LD_PRELOAD": preloaded, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": str(TESTS)}
    environment |= {"FITTOOL_INSTRUCTION_SET": instructions.name, "PYTHONMALLOC": "malloc", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), "100"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "nothing found\n"), done.stderr[-6000:]
