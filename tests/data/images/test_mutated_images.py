"""Damaged image files, in a process of their own with little memory: pixels or a refusal by name, never a crash or a hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from data.images import mutated_images

from fittool.errors import DataError


def test_damaged_images_are_read_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, mutated_images.__file__, str(tmp_path), "0", "1500"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    assert 100 < int(done.stdout) < 1400  # some damage does not show, and some does


@pytest.mark.parametrize("kind", mutated_images.originals())
def test_undamaged_images_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "whole.png"
    path.write_bytes(mutated_images.originals()[kind])
    assert mutated_images.check(path)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "nothing.png"
    path.write_bytes(b"")
    assert not mutated_images.check(path)
    with pytest.raises(DataError, match=r"nothing\.png: The file is empty"):
        mutated_images.read_image(path, mutated_images.ImageForm())
