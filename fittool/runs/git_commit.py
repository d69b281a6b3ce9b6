"""The commit that a directory stands at, read from Git's files: starting git would cost more than the rest of a run's start."""

from __future__ import annotations

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


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
