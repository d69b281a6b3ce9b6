"""Checkpoints damaged at random are refused by name, unless the damage left every byte as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fittool.errors import CheckpointError, shown
from fittool.runs.checkpoint import CheckpointFacts, encode_checkpoint, load_checkpoint

WHOLE = b"".join(
    bytes(chunk)
    for chunk in encode_checkpoint(
        {"weights/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "optimizer/iterations": np.array(7, np.int64)},
        CheckpointFacts(epoch=2, step=10),
    )
)
PIECES = st.sampled_from(
    [b'"', b"{", b"}", b"[" * 100, b",", b"0", b"-1", b"9" * 30, b"null", b"NaN", b"\0", b"\xff" * 8, b"../../x"]
)
EDITS = st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 9), PIECES | st.binary(max_size=8)), min_size=1, max_size=6)
RELAXED = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def whole_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal = ""
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        refusal = str(error)
    assert refusal.startswith(f"{shown(path)}: ") if refusal else content == WHOLE
    assert refusal.isprintable()


@RELAXED
@given(edits=EDITS)
def test_edited_checkpoints(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    content = WHOLE
    for position, length, piece in edits:
        content = content[:position] + piece + content[position + length :]
    whole_or_refused(tmp_path / "a.safetensors", content)


@RELAXED
@given(header=st.binary(max_size=80), tail=st.binary(max_size=20))
def test_any_header(tmp_path: Path, header: bytes, tail: bytes) -> None:
    whole_or_refused(tmp_path / "a.safetensors", len(header).to_bytes(8, "little") + header + tail)
