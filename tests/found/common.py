"""Commands that cases of data as people have them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml
from faults.cases.inputs import TRAIN
from faults.cases.runner import Done, here

LEARN = """\
name: learnt
data:
  train: SOURCE
MOREmodel: {layers: LAYERS}
compile: {optimizer: {SGD: {learning_rate: 0.00001}}, loss: sparse_categorical_crossentropy}
train: {mode: MODE, epochs: 1, batch_size: 4, view_metrics: false, verbose: 2}
"""
PLAIN = "[Flatten, {Dense: {units: 2, activation: softmax}}]"


def learn(source: str, more: str = "", *, mode: str = "fit", layers: str = PLAIN, command: Sequence[str] = TRAIN) -> Done:
    """Write `e.yaml` in the working directory, and run a command on it."""
    lines = "".join(f"  {line}\n" for line in more.splitlines())
    text = LEARN.replace("SOURCE", source).replace("MORE", lines).replace("LAYERS", layers).replace("MODE", mode)
    Path("e.yaml").write_text(text, encoding="utf-8")
    return here(command)


def run_of(done: Done) -> str:
    """The directory of a run that went well."""
    assert done.code == 0, done.err
    return done.out.splitlines()[-1]


def rows_of(done: Done) -> list[str]:
    """The rows of predictions, without their inputs' names."""
    assert done.code == 0, done.err
    return [line.split(",", 1)[1] for line in done.out.splitlines()[1:]]


def warnings_of(done: Done) -> list[str]:
    """The warnings but the one that pixels are learnt from as they are, which has a table of its own."""
    return [line for line in done.warnings if "and nothing rescales them before" not in line]


def quiet(done: Done) -> None:
    """Nothing is told."""
    assert not warnings_of(done) and len(done.warnings) == len(done.err.splitlines()), done.err


def told(*pieces: str) -> Callable[[Done], None]:
    """Each is said."""

    def check(done: Done) -> None:
        for piece in pieces:
            assert piece in done.out + done.err, done.out + done.err

    return check


def not_told(piece: str) -> Callable[[Done], None]:
    """It is not said."""

    def check(done: Done) -> None:
        assert piece not in done.out + done.err, done.err

    return check


def counts(text: str, *warnings: str) -> Callable[[Done], None]:
    """So many samples of each class are trained on, and just these warnings are given."""

    def check(done: Done) -> None:
        assert f"to train: {text}\n" in done.out, done.out + done.err
        assert len(warnings_of(done)) == len(warnings), done.err
        for line, piece in zip(warnings_of(done), warnings, strict=True):
            assert piece in line, done.err

    return check


def init(make: Callable[[Path], str], says: Sequence[str], **wanted: object) -> Callable[[Path], None]:
    """`init --from` says what it has found, and what it writes passes the check and is trained.

    Args:
        make: Fills the working directory, and gives the name of the data.
        says: Pieces of what it says.
        wanted: Settings of `data` in what it writes, and `loss`.
    """

    def probe(folder: Path) -> None:
        done = here(("init", "e.yaml", "--from", make(folder)))
        assert done.code == 0, done.err
        told(*says)(done)
        written = yaml.safe_load(Path("e.yaml").read_text(encoding="utf-8"))
        found: dict[str, object] = {**written["data"], "loss": written["compile"]["loss"]}
        assert {name: found.get(name) for name in wanted} == wanted
        for command in (("check", "--data", "e.yaml"), ("train", "e.yaml", "--smoke")):
            done = here(command)
            assert done.code == 0, done.err

    return probe
