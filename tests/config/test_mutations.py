"""Whatever the bytes of a file and the text of a --set, only errors that fittool raises on purpose come out."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError, UsageError

PIECES = [
    "{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", "\t", "&a ", "*a", "!!x ", "'", '"', "\\", "|", ">", "%", "@", "`", "#",
    "?", "? ", "<<: ", "~", "null", "true", "yes", "1e999", "-1", "0", "1/0", ".nan", "${ENV:X}", "${", "\x00", "\ud800",
    "\xa0", "\u2028", "extends: e.yaml\n", "---\n", "...\n", "9" * 50, "Dense", "units", "epochs",
]  # fmt: skip
EDIT = st.tuples(st.integers(0, 10_000), st.integers(0, 12), st.sampled_from(PIECES) | st.text(max_size=3))
EDITS = st.lists(EDIT, min_size=1, max_size=6)
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(path: Path, overrides: list[str]) -> None:
    """Load, and let nothing out but what is raised on purpose; each problem has a text in one line."""
    try:
        load_experiment(path, overrides, {})
    except (ExperimentError, UsageError) as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.text and str(problem).isprintable() for problem in problems)


@RELAXED
@given(edits=EDITS)
def test_edited_files(small: str, tmp_path: Path, edits: list[tuple[int, int, str]]) -> None:
    text = small + "train: {epochs: 3, class_weight: {a: 1.0}}\ncallbacks: [{EarlyStopping: {monitor: loss}}]\n"
    for position, length, piece in edits:
        at = position % (len(text) + 1)
        text = text[:at] + piece + text[at + length :]
    path = tmp_path / "e.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    survives(path, [])


@RELAXED
@given(content=st.binary(max_size=40))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "e.yaml"
    path.write_bytes(content)
    survives(path, [])


VALUES = st.recursive(
    st.sampled_from(["~", "3", "-1", "1.5", "x", "true", "Dense", '""', "1/3", "1e400"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(["Dense", "units", "x", "1", "npz", "path"]), inner), max_size=2).map(
            lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries) + "}"
        )
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["name", "seed", "engine", "data", "data.train", "data.image.size", "augmentation", "model", "model.layers",
     "model.layers.0", "model.layers.1.Dense", "model.preset", "compile", "compile.loss", "compile.metrics",
     "compile.optimizer", "train", "train.epochs", "train.class_weight", "train.steps_per_epoch", "callbacks", "output",
     "output.checkpoint.every", "extends", "a.b.c"]
)  # fmt: skip


@RELAXED
@given(overrides=st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=4))
def test_any_structure(small: str, tmp_path: Path, overrides: list[tuple[str, str]]) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(small)
    survives(path, [f"{key}={value}" for key, value in overrides])


@RELAXED
@given(override=st.text(max_size=12))
def test_any_override(small: str, tmp_path: Path, override: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(small)
    survives(path, [override])
