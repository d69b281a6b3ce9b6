"""Runs one case of a table: makes the bad input, gives it to fittool, and holds the end against what all cases promise.

A case with `make` runs a command: in this process, through the very function that the console script calls, or as a child
with little memory where the row is about a process. A case with `probe` calls the library, or a test that is there already.
After each: an exit code that the interface knows, one line for each problem, no traceback, nothing unprintable, data as they
were, nothing written outside of the folder, no hostile file that ran, bounded time and memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import platform
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from experiment.hostile_files import MARKER
from faults.rights import obeys_permissions

from fittool.cli import group
from fittool.cli.exit import run_and_leave

SECONDS = 100
"""After which a case hangs for certain. It is no promise of fittool's: a busy machine must not trip it."""
MEMORY = 2 << 30
ROOT = Path(__file__).parents[3]
_KNOWN_CODES = {*range(12), 75, -signal.SIGINT, -signal.SIGTERM} - {1}
ANY = -1
"""For `lines`: one or more."""
_HASHED = 1 << 22
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")  # and what chooses the kernels of BLAS, which decide the last digits
_BESIDE = re.compile(
    r"\d+ errors?(, \d+ warnings?)?\.( Nothing was run\.)?|[\d,]+ predicted, .*|Usage: .*|Try '.*|\d+ .*; run it again .*|Go on with: .*|"
)


@dataclass(frozen=True)
class Done:
    """A finished command.

    Attributes:
        code: Its exit code, negative where it died by a signal.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
        folder: The working directory.
    """

    code: int
    out: str
    err: str
    folder: Path

    @property
    def problems(self) -> list[str]:
        """The lines of stderr that tell a problem: neither warnings, nor excerpts of the experiment, nor a closing count."""
        lines = (line for line in self.err.split("\n") if not line.startswith((" ", "warning: ")))
        return [line for line in lines if not _BESIDE.fullmatch(line)]

    @property
    def warnings(self) -> list[str]:
        """The lines that warn."""
        return [line for line in self.err.split("\n") if line.startswith("warning: ")]


@dataclass(frozen=True)
class Case:
    """Something bad, and what fittool must do.

    Attributes:
        row: Its id in the matrix.
        name: What is bad, in a few words.
        make: Fills the working directory and gives the arguments of a command.
        exit_code: Of that command.
        says: Pieces of what it says.
        lines: How many problems it tells; by default one where it fails.
        check: More that must hold of the end.
        probe: Instead of a command: raises where fittool does not do what it must.
        child: Whether the command runs in a process of its own.
        environment: What is different in the child's environment.
        prefix: Put before the child's command, such as `setpriv`.
        interpreter: Options of the child's Python.
        needs: What the machine must have; else the case is counted as skipped.
        long: Whether it takes long.
    """

    row: str
    name: str
    make: Callable[[Path], Sequence[object]] | None = None
    exit_code: int = 0
    says: Sequence[str] = ()
    lines: int | None = None
    check: Callable[[Done], None] | None = None
    probe: Callable[[Path], None] | None = None
    child: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    interpreter: Sequence[str] = ()
    needs: Sequence[str] = ()
    long: bool = False

    def __str__(self) -> str:
        return f"{self.row} {self.name}"


@dataclass(frozen=True)
class Result:
    """How a case ended, and why where it did not pass."""

    state: Literal["passed", "failed", "skipped"]
    reason: str = ""


def run(case: Case, folder: Path) -> Result:
    """Run a case in an empty folder."""
    missing = [need for need in case.needs if not _has(need)]
    if missing:
        return Result("skipped", f"needs {', '.join(missing)}")
    try:
        with _limits():
            _run(case, folder)
    except Exception:
        return Result("failed", traceback.format_exc())
    except _TooLong:
        return Result("failed", f"hung for {SECONDS} s")
    return Result("passed")


def rows(cases: Iterable[Case], folder: Path) -> dict[str, list[tuple[Case, Result]]]:
    """Run many cases, each in a folder of its own that is removed; what became of them, by row."""
    found: dict[str, list[tuple[Case, Result]]] = {}
    for number, case in enumerate(cases):
        place = folder / str(number)
        place.mkdir(parents=True)
        found.setdefault(case.row, []).append((case, run(case, place)))
        shutil.rmtree(place, ignore_errors=True)
    return found


def _run(case: Case, folder: Path) -> None:
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    with contextlib.chdir(work):
        if case.probe is not None:
            case.probe(work)
        if case.make is not None:
            arguments = [str(argument) for argument in case.make(work)]
            before = _tree(folder)
            done = _child(case, arguments, home) if case.child else here(arguments)
            _check_end(case, done)
            after = _tree(folder)
            kept = {name: state for name, state in before.items() if done.code or not name.startswith("work/run/")}
            changed = [name for name, state in kept.items() if after.get(name) != state]
            assert not changed, f"changed or removed: {changed}"
            outside = [name for name in after if name not in before and not name.startswith("work/")]
            assert not outside, f"written outside of the working directory: {outside}"
            assert done.code == 0 or not list(work.glob("runs/*/*")), "a run directory was made"
            if case.check is not None:
                case.check(done)
    assert not list(folder.rglob(MARKER)), "a file ran code"


def _check_end(case: Case, done: Done) -> None:
    told = f"\n{done.out}{done.err}"
    assert done.code == case.exit_code, f"exit code {done.code}, expected {case.exit_code}{told}"
    assert done.code in _KNOWN_CODES, f"exit code {done.code}{told}"
    assert "Traceback" not in told and "bug in fittool" not in told, told
    assert all(line.isprintable() for line in done.err.split("\n")), repr(done.err)
    done.err.encode()
    for piece in case.says:
        assert piece in done.err, f"does not say {piece!r}{told}"
    if done.code in range(2, 12):
        places = [line for line in done.problems if re.match(r"(error: |Error: |.+?: )\S", line)]
        wanted = {None: 1, ANY: max(1, len(done.problems))}.get(case.lines, case.lines)
        assert len(places) == len(done.problems) == wanted, f"{len(done.problems)} problems, expected {wanted}{told}"


def here(arguments: Sequence[str]) -> Done:
    """Run a command in this process and working directory."""
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["fittool", *arguments]
    code: object = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            run_and_leave(group)
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = argv
    return Done(int(str(code)), out.getvalue(), err.getvalue(), Path.cwd())


def _child(case: Case, arguments: Sequence[str], home: Path) -> Done:
    limit = ["prlimit", f"--as={MEMORY}"] if shutil.which("prlimit") else []
    command = [*limit, *case.prefix, sys.executable, *case.interpreter, "-m", "fittool", *arguments]
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("OPENBLAS_")}
    own = {"HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    own["FITTOOL_VIEW_METRICS"] = "false"  # for the page at the end of a run, Matplotlib keeps a list of fonts in the home
    environment = kept | own | case.environment
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        timeout=SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode(), Path.cwd())


def _tree(folder: Path) -> dict[str, str]:
    """What is in a folder: for each entry its content, or for large files their size and time."""
    found = {}
    for place, folders, files in os.walk(os.fsencode(folder)):
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            key = os.fsdecode(os.path.relpath(path, os.fsencode(folder)))
            if "__pycache__" not in key:
                found[key] = _state(path)
    return found


def _state(path: bytes) -> str:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return f"link {os.readlink(path)!r}"
    if not stat.S_ISREG(status.st_mode):
        return f"kind {stat.S_IFMT(status.st_mode)}"
    if status.st_size > _HASHED or not os.access(path, os.R_OK):
        return f"{status.st_size} {status.st_mtime_ns}"
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class _TooLong(BaseException):
    """The case took longer than any may."""


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Seconds for the case, and as much memory more than this process has already."""

    def stop(*_: object) -> None:
        raise _TooLong

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        now = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _has(need: str) -> bool:
    """Whether the machine has something: `permissions`, `x86`, a file, a package as `package NAME`, or a program."""
    if need == "permissions":
        return obeys_permissions()
    if need.startswith("/"):
        return os.path.exists(need)
    if need == "x86":
        return platform.machine() == "x86_64"
    if need.startswith("package "):
        import importlib.util

        return importlib.util.find_spec(need.removeprefix("package ")) is not None
    return shutil.which(need) is not None
