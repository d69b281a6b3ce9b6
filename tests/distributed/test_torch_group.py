"""Three real processes: sums in the order of the ranks, one value and one decision for all, whatever travels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from fittool.distributed.launcher import Launcher
from fittool.errors import OtherProcessError


def test_what_three_processes_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[OtherProcessError] = []
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    script = Path(__file__).with_name("member_of_three.py")
    ending = Launcher(3, shown.append).run([str(script), str(tmp_path)])
    assert (ending.exit_code, ending.can_be_repeated, shown) == (0, False, [])
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(3)]
    assert found[0] == found[1] == found[2]
    assert found[0] == {
        "size": 3,
        "sums": {"a": [0.1 + 0.2 + 0.3], "b": [[3.0, 3.0]]},
        "none": {},
        "tensor": [[3.0] * 3] * 2,
        "leader": {"rank": 0, "array": [0, 1, 2]},
        "nobody": None,
        "first": 1,
        "error": ["Interrupted", "Enough.", 143],
        "interruption": None,
    }
