"""The top level of the repository holds what belongs there, in a clone and in a copy of one."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
BELONGS = {
    *("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
    *("fittool", "configs", "tests", "sample_data", "docs", "findings"),
}


def is_left_out_of_git(name: str) -> bool:
    """Whether .gitignore names it: what tools and runs leave behind."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return any(fnmatch(name, line.strip("/")) for line in lines if line)


def test_nothing_lies_around() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert {name for name in names - BELONGS if not is_left_out_of_git(name)} == set()
    assert names >= BELONGS
