"""Sections of an experiment: what short forms stand for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from fittool.config.sections import Checkpoint, Image
from fittool.engines.settings import ENGINES, Auto, EngineSetting, Numpy, Torch


@pytest.mark.parametrize(
    ("every", "seconds", "steps"),
    [("epoch", None, None), ("30s", 30, None), ("5m", 300, None), ("1.5h", 5400, None), ({"steps": 50}, None, 50)],
)
def test_intervals_of_checkpoints(every: Any, seconds: float | None, steps: int | None) -> None:
    checkpoint = TypeAdapter(Checkpoint).validate_python({"every": every})
    assert (checkpoint.seconds, checkpoint.steps) == (seconds, steps)


def test_one_number_is_height_and_width() -> None:
    assert TypeAdapter(Image).validate_python({"size": 32}).size == (32, 32)


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("numpy", Numpy()),
        ({"numpy": {"threads": 2}}, Numpy(threads=2)),
        ("auto", Auto()),
        ("torch", Torch()),
        ({"torch": {"device": "cuda:1", "precision": "bf16", "compile": True}}, Torch("cuda:1", "bf16", compile=True)),
    ],
)
def test_engines(name: Any, engine: EngineSetting) -> None:
    assert ENGINES.parse(name) == engine
