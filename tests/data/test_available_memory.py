"""How much memory may be used: the machine's, a control group's, or what a limit leaves."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fittool.data.available_memory import available_memory

V1, V2 = "4:memory:/box/inner\n0::/\n", "0::/box/inner\n"


@pytest.mark.parametrize(
    ("membership", "place"),
    [
        (V2, "sys/fs/cgroup/box/inner/memory.max"),
        (V2, "sys/fs/cgroup/box/memory.max"),
        (V2, "sys/fs/cgroup/memory.max"),
        (V1, "sys/fs/cgroup/memory/box/inner/memory.limit_in_bytes"),
        (V1, "sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ],
)
def test_a_control_group_limits(tmp_path: Path, membership: str, place: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(membership)
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(f"{3 << 20}\n")
    found = available_memory(tmp_path)
    assert found.bytes == 3 << 20
    assert str(found) == "the control group of this process allows 3 MiB"


def test_a_control_group_without_a_limit_does_not(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(V2)
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert "control group" not in available_memory(tmp_path).source


def test_an_address_space_limits_what_is_brought_into_memory() -> None:
    code = (
        "import numpy as np; from fittool.data.dataset import ArrayDataset, Subset; from fittool.data.memory import in_memory; "
        "in_memory(Subset(ArrayDataset(np.zeros((4, 1 << 20), np.uint8)), np.zeros(4000, np.int64)))"
    )
    limit = 2 << 30
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert "MachineError: 4,000 samples need 3.9 GiB of memory, but the limit of this process (ulimit -v) leaves" in done.stderr
