"""Disks that are full, read-only, slow, or fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .harness import (
    FOREVER,
    Bench,
    check_goes_on,
    check_said,
    check_whole,
    digest,
    environment,
    finished,
    reference,
    run,
    saving,
    train,
    train_copy,
)  # fmt: skip
from .rights import ORDINARY, obeys_permissions
from .rows import Unavailable, need, need_root, row
from .tracing import strace, systematic, traced


@contextmanager
def small_disk(bench: Bench, size: str) -> Iterator[Path]:
    """A file system of so many bytes in memory."""
    need_root()
    need("mount", "umount")
    path = bench.folder / "small"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"no tmpfs: {done.stderr.strip()[:80]}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)


@row("S01", "disk full while a checkpoint is being saved", long=True)
def s01(bench: Bench) -> str:
    figures = systematic(bench, "error=ENOSPC", (0, 7))
    expected = reference(bench, 6)
    with small_disk(bench, "40k") as disk:
        (disk / "ballast").write_bytes(b"x" * 16_000)
        done = train(bench.folder, disk / "run")
        check_said(done, (7,))
        assert "space" in done.err or "full" in done.err, done.err
        (disk / "ballast").unlink()
        check_whole(disk / "run")
        done = train(bench.folder, disk / "run")
        if done.code == 0:
            assert digest(disk / "run") == expected
    return f"{figures}; a full file system: exit 7, going on is exact"


@row("S02", "disk full while a row of metrics is being written")
def s02(bench: Bench) -> str:
    expected = reference(bench, 4)
    done, fired = traced(bench, "error=ENOSPC", "write", 6)
    assert fired
    assert done.code in (0, 7), done.err
    check_whole(bench.run)
    check_goes_on(bench, expected)
    return f"exit {done.code}, going on is exact"


@row("S03", "disk full or over quota when a file is brought to disk")
def s03(bench: Bench) -> str:
    expected, fired = reference(bench, 1), 0
    for error, numbers in (("EDQUOT", (2, 6)), ("ENOSPC", (2, 6) if bench.level else (6,))):
        for number in numbers:
            done, there = traced(bench, f"error={error}", "fsync", number)
            fired += there
            assert done.code in (0, 7), done.err
            assert "Traceback" not in done.err
            check_goes_on(bench, expected)
            shutil.rmtree(bench.run)
    assert fired
    return f"{fired} faults, nothing counts as saved"


@row("S04", "limit on the size of files")
def s04(bench: Bench) -> str:
    need("prlimit")
    expected = reference(bench, 2)
    done = train(bench.folder, wrapped=["prlimit", "--fsize=2500"])
    check_said(done, (7,))
    assert "too large" in done.err.lower() or "limit" in done.err.lower(), done.err
    check_goes_on(bench, expected)
    return "exit 7"


@row("S05", "input/output error when a file is brought to disk", long=True)
def s05(bench: Bench) -> str:
    figures = systematic(bench, "error=EIO", (0, 7))
    return f"{figures}, also write, link and rename"


@row("S06", "input/output error when a directory is brought to disk")
def s06(bench: Bench) -> str:
    expected, warned = reference(bench, 1), 0
    for number in range(1, 40) if bench.level else (10, 12, 18):
        done, fired = traced(bench, "error=EIO", "fsync", number)
        if fired and done.code == 0:
            warned += "power cut" in (bench.run / "run.log").read_text()
        check_goes_on(bench, expected)
        shutil.rmtree(bench.run)
    assert warned, "no fault hit a directory"
    return f"{warned} warnings that a power cut may undo a save; training went on"


@row("S07", "input/output error while data are read")
def s07(bench: Bench) -> str:
    bench.experiment(1)
    data = bench.folder / "data.npz"
    import numpy as np

    np.savez(data, x=np.zeros((20, 4), np.float32), y=np.arange(20) % 3)
    text = (
        (bench.folder / "e.yaml")
        .read_text()
        .replace("{synthetic: {samples: 60, shape: [4, 4, 1], classes: 3}}", "{npz: {path: data.npz}}")
    )
    lines = [line for line in text.splitlines() if not line.startswith("augmentation")]
    (bench.folder / "e.yaml").write_text("\n".join(lines).replace("mode: fit_generator, ", "").replace("workers: 1, ", "") + "\n")
    done = train(bench.folder, wrapped=strace(bench, "read", "error=EIO:when=1+", "-P", str(data)))
    assert "INJECTED" in bench.calls.read_text()
    check_said(done, (4,))
    assert "data.npz" in done.err
    return "exit 4 with the path"


@row("S08", "the last checkpoint cannot be read")
def s08(bench: Bench) -> str:
    expected = reference(bench, 6)
    shutil.copytree(bench.folder / "reference", bench.run)
    bench.last.write_bytes(b"\0" * 60_000)
    status = bench.run / "status.json"
    status.write_text(status.read_text().replace('"completed"', '"running"'))
    done = train_copy(bench.folder)
    log = (bench.run / "run.log").read_text()
    assert done.code == 0, done.err
    assert "Going on from previous.safetensors" in log, log[-500:]
    assert digest(bench.run) == expected
    for name in ("last", "previous", "best"):
        (bench.run / "checkpoints" / f"{name}.safetensors").write_bytes(b"")
    status.write_text(status.read_text().replace('"completed"', '"running"'))
    done = train(bench.folder)
    check_said(done, (5,))
    return "goes on from the one before, aloud; exit 5 where none is whole"


_TELLING = """\
import pathlib
import numpy as np

def batches():
    pathlib.Path(__file__).with_name("asked").touch()
    for _ in range(4):
        yield np.ones((8, 4, 4, 1), np.float32), np.arange(8) % 3
"""


def _telling_experiment(bench: Bench) -> None:
    """The small experiment on a generator that leaves a file once somebody asks it for data."""
    path = bench.experiment(1)
    (bench.folder / "mine.py").write_text(_TELLING)
    text = path.read_text().replace(
        "{synthetic: {samples: 60, shape: [4, 4, 1], classes: 3}}", '{python: {function: "mine:batches"}}'
    )
    text = text.replace("augmentation: {rotation_range: 20, horizontal_flip: true}\n", "").replace("validation_split: 0.2, ", "")
    path.write_text(text.replace("ReduceLROnPlateau: {patience: 2}, ", ""))


@row("S09", "read-only run directory")
def s09(bench: Bench) -> str:
    if not obeys_permissions():
        raise Unavailable("setpriv is missing, or not allowed")
    _telling_experiment(bench)
    locked = bench.folder / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    done = train(bench.folder, locked, wrapped=ORDINARY)
    check_said(done, (7,))
    assert not (bench.folder / "asked").exists(), "data were asked for"
    with small_disk(bench, "1m") as disk:
        (disk / "run").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        check_said(train(bench.folder, disk / "run"), (7,))
    return "exit 7 before any data are read"


@row("S10", "file system goes read-only in the middle of a run")
def s10(bench: Bench) -> str:
    expected = reference(bench, 6)
    done = train(bench.folder, wrapped=strace(bench, "renameat", "error=EROFS:when=9+"))
    assert "INJECTED" in bench.calls.read_text()
    check_said(done, (7,))
    check_whole(bench.run)
    check_goes_on(bench, expected)
    return "exit 7 at the next save, the last checkpoint is whole"


@row("S11", "TMPDIR missing")
def s11(bench: Bench) -> str:
    expected = reference(bench, 2)
    done = train(bench.folder, env=environment(bench.folder, TMPDIR="/nope"))
    assert done.code == 0, done.err
    assert digest(bench.run) == expected
    return "no effect: temporary files lie beside their targets"


@row("S12", "a target is a link, a directory or a pipe")
def s12(bench: Bench) -> str:
    reference(bench, 1)
    for kind in ("link", "directory", "pipe"):
        target = bench.last
        target.parent.mkdir(parents=True)
        victim = bench.folder / "victim"
        victim.write_text("mine")
        if kind == "link":
            target.symlink_to(victim)
        else:
            target.mkdir() if kind == "directory" else os.mkfifo(target)
        done = train_copy(bench.folder)
        check_said(done, (2, 5, 7))
        assert victim.read_text() == "mine"
        shutil.rmtree(bench.run)
    return "refused, nothing is written through it"


@row("S13", "umask 077 and 000, set-group-id directory")
def s13(bench: Bench) -> str:
    bench.experiment(1)
    for mask, mode in (("077", 0o600), ("000", 0o666), ("022", 0o644)):
        done = train_copy(bench.folder, f"run{mask}", sabotage=partial(os.umask, int(mask, 8)))
        assert done.code == 0, done.err
        for path in (bench.folder / f"run{mask}").rglob("*.*"):
            assert path.stat().st_mode & 0o777 == mode, f"{path.name} has mode {path.stat().st_mode & 0o777:o}"
    return "modes follow the umask"


@row("S14", "long and odd paths")
def s14(bench: Bench) -> str:
    expected = reference(bench, 1)
    names = ["with blank", "-rf", "new\nline", "é", "x" * 255, "a/" * 60 + "deep", os.fsdecode(b"caf\xe9")]
    for name in names:
        directory = bench.folder / "odd" / name
        directory.parent.mkdir(parents=True, exist_ok=True)
        done = train_copy(bench.folder, directory)
        assert done.code == 0, (name, done.err)
        assert digest(directory) == expected
        shutil.rmtree(bench.folder / "odd")
    done = train_copy(bench.folder, bench.folder / ("y" * 256))
    check_said(done, (2, 7))
    return f"{len(names)} names work, one that is too long is refused"


@row("S15", "slow disk")
def s15(bench: Bench) -> str:
    expected = reference(bench, 1)
    done = train(bench.folder, wrapped=strace(bench, "fsync", "delay_enter=100000"))
    assert done.code == 0, done.err
    assert "DELAYED" in bench.calls.read_text()
    assert digest(bench.run) == expected
    return "training is the same"


@row("S17", "run directory removed in the middle of a run")
def s17(bench: Bench) -> str:
    bench.experiment(FOREVER)
    process = saving(bench.folder)
    os.rename(bench.run, bench.folder / "gone")
    while (bench.folder / "gone").exists():  # it goes on writing for an instant
        shutil.rmtree(bench.folder / "gone", ignore_errors=True)
    done = finished(process)
    check_said(done, (7,))
    assert not bench.run.exists(), "a half run was made anew"
    return "exit 7, not made anew"


@row("S18", "run directory moved or copied, then resumed")
def s18(bench: Bench) -> str:
    expected = reference(bench, 6)
    first = train_copy(bench.folder, "run", "--set", "train.epochs=3")
    assert first.code == 0, first.err
    shutil.copytree(bench.run, bench.folder / "copy")
    os.rename(bench.run, bench.folder / "moved")
    for name in ("copy", "moved"):
        check_goes_on(bench, expected, name)
    torn = bench.folder / "moved" / "checkpoints" / "last.safetensors"
    torn.write_bytes(torn.read_bytes()[:-100])
    assert run(bench.folder, "verify", "moved").code == 5
    return "works where it stands; a torn copy is found"
