"""Names of metrics, layers and classes are data wherever they are written, and never one of fittool's own keys."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from faults.cases.runner import Case, Done
from found.run_steps import epochs, fittool, whole, write

from fittool.errors import StorageError
from fittool.runs import directory
from fittool.runs.directory import RunDirectory

ODD = [
    "$(id>pwned)",
    "<b>bold",
    "=1+1",
    "@SUM(A1)",
    "é漢",
    "`id`",
    "x;rm",
    "a,b",
    "'q'",
]
"""Names that a shell, a browser, a spreadsheet or a terminal would do something with."""


def _metric(name: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        write("CSVLogger: {filename: log.csv}", metrics=f"Accuracy: {{name: {json.dumps(name)}}}")
        return ["train", "e.yaml", "--run-dir", "run", "--verbose", "2"]

    return make


def _is_data(name: str) -> Callable[[Done], None]:
    def check(done: Done) -> None:
        whole()
        for table in ("run/history.csv", "run/log.csv"):
            (header, *_) = csv.reader(Path(table).read_text().splitlines())
            assert not [cell for cell in header if cell.startswith(("=", "+", "-", "@"))], header
            assert any(cell.lstrip("'") == name.lstrip("'") for cell in header), header
        assert "\x1b" not in Path("run/run.log").read_text()
        fittool("resume", "run", "--epochs", "5")
        assert len(Path("run/log.csv").read_text().splitlines()) == 6
        assert epochs() == [1, 2, 3, 4, 5]
        whole()

    return check


def _own_name(name: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        write(metrics=f"Accuracy: {{name: {name}}}")
        return ["check", "e.yaml"]

    return make


def _unreadable(what: str, name: str) -> Callable[[Path], Sequence[object]]:
    """A name that the reader of checkpoints refuses must not come into one."""

    def make(folder: Path) -> Sequence[object]:
        if what == "metric":
            write(metrics=f"Accuracy: {{name: {json.dumps(name)}}}")
        else:
            write(changes=[("units: 8,", f"units: 8, name: {json.dumps(name)},")])
        return ["train", "e.yaml"]

    return make


def _full_disk(folder: Path) -> None:
    """A start that cannot even lock its directory leaves none."""

    def full(*_: object) -> None:
        raise StorageError("cannot be written: the disk is full.", place="run")

    for make in (
        lambda: RunDirectory.create(folder / "runs", "a"),
        lambda: RunDirectory.at(folder / "mine"),
        lambda: RunDirectory.at(folder / "there"),
        RunDirectory.temporary,
    ):
        (folder / "there").mkdir(exist_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(directory, "RunLock", full)
            patch.setattr(directory.tempfile, "tempdir", str(folder / "there"))
            with pytest.raises(StorageError, match="the disk is full"):
                make()
        assert not list(folder.glob("runs/a/*")) and not (folder / "mine").exists() and not list((folder / "there").iterdir())


CASES = [
    *(
        Case("names", f"metric called {name.encode('unicode_escape').decode()}", make=_metric(name), check=_is_data(name))
        for name in ODD
    ),
    *(
        Case("names", f"metric called {name}", make=_own_name(name), exit_code=3, says=[f"a value would be called {name}, but"])
        for name in ("loss", "epoch", "stage", "seconds", "learning_rate", "examples_per_second", "data_seconds", "val_x")
    ),
    *(
        Case(
            "names",
            f"metric called {name!r}",
            make=_own_name(f'"{name}"'),
            exit_code=3,
            says=["must be a name without blanks and slashes"],
        )
        for name in ("a b", "a/b", "../x")
    ),
    *(
        Case(
            "names",
            f"{what} called {name[:12]!r}, {len(name)} letters",
            make=_unreadable(what, name),
            exit_code=3,
            says=["must be a name of printable characters"],
        )
        for what in ("metric", "layer")
        for name in ("\x1b[31mred", "a\u2060b", "a\u202eb", "a\x7f", "x" * 201, "é" * 101)
    ),
    Case("start", "on a full disk", probe=_full_disk),
]
