"""The package as it is installed: its names, its version, its entry points, what travels with it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fittool

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", fittool.__all__)
def test_public_name_is_there(name: str) -> None:
    assert getattr(fittool, name) is not None


def test_dir_lists_the_public_names() -> None:
    assert dir(fittool) == sorted(fittool.__all__)


def test_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'fittool' has no attribute 'trian'"):
        fittool.trian  # noqa: B018


def test_changelog_speaks_of_this_version() -> None:
    assert f"## {fittool.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["train", "-h"]])
def test_python_m_fittool_works(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "fittool", *arguments], capture_output=True, text=True, check=True)
    assert "fittool" in done.stdout
    assert done.stderr == ""


def test_a_wheel_holds_the_experiments_and_their_data() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"configs": "fittool/configs", "sample_data": "fittool/sample_data"}
