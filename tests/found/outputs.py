"""Names of outputs: no command replaces what it reads, an experiment, or a file of a run, and a wrong name is told first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from faults.cases.inputs import pictures
from faults.cases.runner import Case, here
from found.run_steps import fittool, train, write

from fittool.runs.output_file import check_output


def _refused(*command: str, says: Sequence[str], more: Callable[[Path], object] | None = None) -> Callable[[Path], None]:
    """The command is refused with exit 2 before it computes anything, and every file is as it was."""

    def probe(folder: Path) -> None:
        write()
        train()
        np.savez("d.npz", x=np.zeros((4, 6), np.float32))
        np.save("d.npy", np.zeros((4, 6), np.float32))
        Path("d.csv").write_text("a,b,c,d,e,f\n1,2,3,4,5,6\n")
        if more is not None:
            more(folder)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        fittool(*command, code=2, says=says)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    return probe


def _own(folder: Path) -> None:
    """With --on the run's own data are read, though the command line does not name them; tables beside pictures as well."""
    rows = [f"{index % 3},{index % 5},{index % 3}" for index in range(30)]
    Path("t.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
    write(changes=[("synthetic: {samples: 30, shape: [6], classes: 3}", "csv: {path: t.csv, label: kind}")])
    train()
    before = Path("t.csv").read_bytes()
    for part in ("train", "validation"):
        fittool("predict", "run", "--on", part, "--out", "t.csv", code=2, says=["--out t.csv is read by this command"])
    assert Path("t.csv").read_bytes() == before
    fittool("predict", "run", "--on", "train", "--out", "p.csv")


def _sheet(*command: str, says: Sequence[str]) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        pictures(folder)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        fittool("preview", "e.yaml", *command, code=2, says=says)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    return probe


def _good_names(folder: Path) -> None:
    pictures(folder)
    for name in ("preview.png", "pictures/new.png", "pictures/cat/new.png"):
        fittool("preview", "e.yaml", "--out", name)
        assert Path(name).read_bytes().startswith(b"\x89PNG")
        Path(name).unlink()
    check_output(Path("p.csv"), inputs=["pictures", "gone", "*.none"], endings=[".csv"])


def _callback(setting: str, *says: str) -> Callable[[Path], None]:
    """What a callback would replace is told by `check` already."""

    def probe(folder: Path) -> None:
        rows = [f"{index % 3},{index % 5},{index % 3}" for index in range(30)]
        Path("t.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
        data = ("synthetic: {samples: 30, shape: [6], classes: 3}", "csv: {path: t.csv, label: kind}")
        write(changes=[data])
        train("first")
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        write(setting.replace("FOLDER", str(folder)), changes=[data])
        before[folder / "e.yaml"] = Path("e.yaml").read_bytes()
        for command in (("check", "e.yaml"), ("train", "e.yaml")):
            done = here(list(command))
            assert done.code == 3, done.err
            assert all(piece in done.err for piece in ("e.yaml:8:", *says)), done.err
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    return probe


_READ, _RUN = "is read by this command, which would replace it", "lies in the run directory"

CASES = [
    *(
        Case("output", f"predict replaces {name}", probe=_refused("predict", "run", *inputs, "--out", out, says=[f"--out {out}", says]))
        for name, inputs, out, says in (
            ("its input", ["d.npz"], "d.npz", _READ),
            ("its input by another path", ["d.npz"], "run/../d.npz", _READ),
            ("one of its inputs", ["d.npy", "d.csv"], "d.csv", _READ),
            ("a table of the run", ["d.npz"], "run/history.csv", _RUN),
            ("rows of the run", ["d.npz"], "run/metrics.jsonl", _RUN),
            ("nothing, but in the run", ["d.npz"], "run/new.csv", _RUN),
            ("nothing, but in the checkpoints", ["d.npz"], "run/checkpoints/new.npz", _RUN),
        )
    ),
    Case("output", "predict replaces its input by a link", probe=_refused(
        "predict", "run", "d.npz", "--out", "l.npz", says=[_READ], more=lambda folder: os.symlink("d.npz", "l.npz"))),
    Case("output", "predict replaces its input by a hard link", probe=_refused(
        "predict", "run", "d.npz", "--out", "l.npz", says=[_READ], more=lambda folder: os.link("d.npz", "l.npz"))),
    Case("output", "predict replaces the run's own data", probe=_own),
    Case("output", "predict into a folder that is not there", probe=_refused(
        "predict", "run", "d.npz", "--out", "no/x.csv", says=["there is no folder no. Make it first"])),
    Case("output", "predict with another ending", probe=_refused(
        "predict", "run", "d.npz", "--out", "x.txt", says=["the name must end in .csv, .jsonl or .npz."])),
    *(
        Case("output", f"preview replaces {name}", probe=_sheet("--out", out, says=[f"--out {out}", says]))
        for name, out, says in (
            ("the experiment", "e.yaml", "the name must end in .png."),
            ("a picture that it reads", "pictures/cat/0.png", _READ),
            ("nothing, in a folder that is not there", "no/x.png", "there is no folder no"),
        )
    ),
    Case("output", "good names", probe=_good_names),
    Case("output", "CSVLogger replaces the data", probe=_callback("CSVLogger: {filename: FOLDER/t.csv}", "CSVLogger.filename", "is read by this experiment")),
    Case("output", "CSVLogger replaces the experiment", probe=_callback("CSVLogger: {filename: FOLDER/e.yaml}", "is read by this experiment")),
    Case("output", "CSVLogger in another run", probe=_callback("CSVLogger: {filename: FOLDER/first/history.csv}", "lies in another run directory")),
    Case("output", "ModelCheckpoint in another run", probe=_callback(
        "ModelCheckpoint: {filepath: FOLDER/first/checkpoints/best.safetensors}", "ModelCheckpoint.filepath", "lies in another run directory")),
    Case("output", "BackupAndRestore in another run", probe=_callback(
        "BackupAndRestore: {backup_dir: FOLDER/first/checkpoints}", "lies in another run directory")),
]  # fmt: skip
