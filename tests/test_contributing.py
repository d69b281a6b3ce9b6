"""CONTRIBUTING.md: its paths exist, its picture has every part of the package, and it says how to add each kind of thing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = ("fittool", "tests", "configs", "docs", "sample_data", ".ci")
KINDS = ("layer", "loss", "metric", "optimizer", "callback", "source", "augmentation", "command", "engine")


def section(title: str) -> str:
    """The text below a heading, up to the next heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, f"CONTRIBUTING.md has no section {title!r}"
    return found[1]


def picture() -> str:
    """The fenced picture of the parts."""
    return section("How the imports point").split("```")[1]


def parts() -> set[str]:
    """The parts that the test of the architecture knows, read from its table."""
    tree = ast.parse((ROOT / "tests" / "test_architecture.py").read_text(encoding="utf-8"))
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MAY_IMPORT"]
    assert isinstance(tables[0], ast.Dict)
    return {ast.literal_eval(key) for key in tables[0].keys if key is not None}


def paths() -> list[str]:
    """Everything in backticks that looks like a path in the repository; fenced blocks aside."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", TEXT, flags=re.MULTILINE | re.DOTALL))
    return [span for span in dict.fromkeys(spans) if re.match(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/\S*$", span)]


@pytest.mark.parametrize("path", paths())
def test_path_exists(path: str) -> None:
    if "<version>" in path:
        path = path[: path.index("<version>")]
    assert (ROOT / path).exists()


def test_files_are_named() -> None:
    assert len(paths()) > 50


def test_picture_has_every_part() -> None:
    assert sorted(re.findall(r"[a-z_]+", picture())) == sorted(parts())


def test_every_part_has_its_line() -> None:
    lines = " ".join(re.findall(r"^- .*", section("How the imports point"), flags=re.MULTILINE))
    assert {part for part in parts() if f"`{part}`" not in lines} == set()


def test_folders_in_the_lines_exist() -> None:
    below = re.findall(rf"`((?:{'|'.join(sorted(parts()))})/[\w/]+)`", section("How the imports point"))
    assert [folder for folder in below if not (ROOT / "fittool" / folder).is_dir()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_says_how_to_add(kind: str) -> None:
    items = re.split(r"^\*\*… ", section("How to add …"), flags=re.MULTILINE)
    found = [item for item in items if re.match(rf"an? {kind}\.\*\*", item)]
    assert len(found) == 1
    assert re.search(r"`fittool/\S+`", found[0])


def test_files_beside_the_walk_exist() -> None:
    lists = re.findall(r"^- in `(fittool/\S+)`: (.*?)[;.]$", section("Two walks"), flags=re.MULTILINE | re.DOTALL)
    files = [f"{folder}{name}" for folder, names in lists for name in re.findall(r"`(\w+\.py)`", names)]
    assert len(files) == 10
    assert [file for file in files if not (ROOT / file).is_file()] == []
