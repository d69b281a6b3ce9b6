"""`environment.json`: what one must know about program and machine to repeat a run. Names no user, home or variable."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fittool.runs.format import FORMAT
from fittool.version import __version__

_PACKAGES = ("numpy", "pydantic", "safetensors", "PyYAML", "pillow", "click", "rich", "torch")


def describe_environment(
    *,
    engine: str,
    threads: int | None,
    seed: int,
    data: Mapping[str, str],
    command: Sequence[str],
) -> dict[str, Any]:
    """Everything for environment.json but the run's id; costs a few milliseconds and starts no process.

    Args:
        engine: The engine's name.
        threads: How many threads it computes with, where it knows.
        seed: The seed of the run.
        data: The fingerprints of the data by their part (`train`, `validation`).
        command: The command line, `sys.argv`; the home directory in it is written as `~`.
    """
    return {
        "format": FORMAT,
        "versions": {"fittool": __version__, "python": platform.python_version(), **_versions()},
        "git_commit": _git_commit(),
        "machine": {
            "system": platform.system(),
            "release": platform.release(),
            "architecture": platform.machine(),
            **_processor(),
        },
        "engine": engine,
        "threads": threads,
        "seed": seed,
        "data": dict(data),
        "command": _without_home(command),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package.lower()] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    try:
        return git_commit(Path.cwd())
    except FileNotFoundError:  # the working directory was removed
        return None


def _processor() -> dict[str, Any]:
    """The processor's name, as its instruction set decides about the last bits of a result, and the CPUs that may be used."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return {"processor": processor_name(), "cpus": usable}


def processor_name(information: Path = Path("/proc/cpuinfo")) -> str:
    """The name that the processor goes by, or its kind where it tells none."""
    try:
        with information.open(errors="replace") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()  # platform.processor() would start a process


def _without_home(command: Sequence[str]) -> list[str]:
    """The command line as one would type it, with the program by its name alone."""
    program, *arguments = command
    home = os.path.expanduser("~").rstrip("/")
    return [os.path.basename(program), *(argument.replace(home, "~") if home else argument for argument in arguments)]


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


# Git's files are read, because starting git would cost more than the rest of a run's start.
def git_commit(folder: Path) -> str | None:
    """The commit checked out in the repository that holds a directory; None where there is none or it cannot be read.

    Args:
        folder: Any directory inside the working tree, also of a linked work tree or a submodule.
    """
    try:
        repository = next((parent / ".git" for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)
        return None if repository is None else _head(_git_folder(repository))
    except (OSError, UnicodeDecodeError):
        return None


def _git_folder(repository: Path) -> Path:
    """Follow the file `.git` that linked work trees and submodules have in the place of the directory."""
    if repository.is_dir():
        return repository
    return repository.parent / repository.read_text().removeprefix("gitdir:").strip()


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return _checked(head)
    reference = head.removeprefix("ref:").strip()
    shared = git / (git / "commondir").read_text().strip() if (git / "commondir").is_file() else git
    if (shared / reference).is_file():
        return _checked((shared / reference).read_text().strip())
    return _packed(shared / "packed-refs", reference)


def _packed(path: Path, reference: str) -> str | None:
    if not path.is_file():
        return None
    with path.open() as lines:
        return next((_checked(line.split()[0]) for line in lines if line.rstrip().endswith(f" {reference}")), None)


def _checked(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None
