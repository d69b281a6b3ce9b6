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

from fittool.errors import CheckpointError, shown, visible
from fittool.runs.files.json_text import from_json
from fittool.runs.files.storage_errors import read_whole
from fittool.runs.format import FIRST_FORMAT, FORMAT, refusal_of_newer
from fittool.runs.paths import RunPaths
from fittool.version import __version__

_KINDS: dict[str, type] = {"data": dict, "samples": dict, "sample_fingerprints": dict, "resumed": list, "experiment": list}
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
        return _check(head)
    reference = head.removeprefix("ref:").strip()
    shared = git / (git / "commondir").read_text().strip() if (git / "commondir").is_file() else git
    if (shared / reference).is_file():
        return _check((shared / reference).read_text().strip())
    return _pack(shared / "packed-refs", reference)


def _pack(path: Path, reference: str) -> str | None:
    if not path.is_file():
        return None
    with path.open() as lines:
        return next((_check(line.split()[0]) for line in lines if line.rstrip().endswith(f" {reference}")), None)


def _check(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run.

    Raises:
        CheckpointError: It is missing or damaged.
    """
    try:
        return from_json(read_whole(path))
    except ValueError as error:
        raise CheckpointError(f"is damaged: {visible(str(error))}.", place=shown(path)) from error


def read_environment(path: Path) -> dict[str, Any]:
    """The content of a run's environment.json.

    Args:
        path: The run.

    Raises:
        CheckpointError: It is missing, damaged, or of a newer format.
    """
    file = RunPaths(path).environment
    environment = read_json(file)
    if isinstance(environment, dict):
        _refuse_newer(environment, file)
    if not isinstance(environment, dict) or not isinstance(environment.get("run"), str):
        raise CheckpointError("is damaged: the id of the run is not in it.", place=shown(file))
    if wrong := [name for name, kind in _KINDS.items() if not isinstance(environment.get(name, kind()), kind)]:
        raise CheckpointError(f"is damaged: {wrong[0]} is not what fittool wrote.", place=shown(file))
    if not all(isinstance(time, dict) and isinstance(time.get("changed"), dict) for time in environment.get("resumed", [])):
        raise CheckpointError("is damaged: resumed is not what fittool wrote.", place=shown(file))
    return environment


def _refuse_newer(environment: Mapping[str, Any], file: Path) -> None:
    """Comes before the rest of the content is looked at, which may be another one in a newer format."""
    number, versions = environment.get("format", FIRST_FORMAT), environment.get("versions")
    if type(number) is not int or number < FIRST_FORMAT:
        raise CheckpointError("is damaged: format is not what fittool wrote.", place=shown(file))
    version = versions.get("fittool") if isinstance(versions, dict) else None
    if (refusal := refusal_of_newer(number, str(version))) is not None:
        raise CheckpointError(f"{refusal}.", place=shown(file))


def run_id_in(path: Path) -> str:
    """The identity of the run in a directory; raises as `read_environment`."""
    return str(read_environment(path)["run"])
