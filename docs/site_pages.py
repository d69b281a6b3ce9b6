"""Pages of the site that no file holds, the reference split by family as fittool writes it, and pages that nobody has placed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from fittool.config.reference_pages import reference_pages

_FOLDER = "docs/reference"


def on_config(config: Any) -> Any:
    """Put the reference pages, and below "More" all pages that mkdocs.yml does not name, into the navigation."""
    parts = {name: pages for part in config.nav for name, pages in part.items()}
    parts["Reference"][1:1] = [{_title(name): f"{_FOLDER}/{name}"} for name in reference_pages() if name != "index.md"]
    placed, folder = set(_pages(config.nav)), Path(config.docs_dir)
    found = sorted(path.relative_to(folder).as_posix() for path in (folder / "docs").rglob("*.md"))
    parts["More"] += [name for name in found if name not in placed]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the reference pages."""
    for name, text in reference_pages().items():
        files.append(File.generated(config, f"{_FOLDER}/{name}", content=text))
    return files


def _pages(navigation: Any) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
    else:
        for part in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from _pages(part)


def _title(name: str) -> str:
    return name.removesuffix(".md").replace("-", " ").capitalize()
