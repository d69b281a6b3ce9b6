"""A small experiment that every test of the experiment file may change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = """\
data:
  train: {npz: {path: digits.npz}}
model:
  layers: [Flatten, {Dense: {units: 10, activation: softmax}}]
compile:
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
"""


@pytest.fixture
def small() -> str:
    """The text of the smallest experiment: a network for digits."""
    return SMALL


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a file into an empty working directory, and give back the name that messages will show."""
    monkeypatch.chdir(tmp_path)

    def write(text: str = SMALL, name: str = "e.yaml") -> str:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
        return name

    return write
