"""Pages of the site that no file holds: the reference, split by family, as fittool writes it."""

from __future__ import annotations

from typing import Any

from mkdocs.structure.files import File, Files

from fittool.config.reference_pages import reference_pages

_FOLDER = "docs/reference"


def on_config(config: Any) -> Any:
    """Put the reference pages, and all pages that nobody has put anywhere, into the navigation."""
    (reference,) = [part["Reference"] for part in config.nav if "Reference" in part]
    reference[1:1] = [{_title(name): f"{_FOLDER}/{name}"} for name in reference_pages() if name != "index.md"]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the reference pages."""
    for name, text in reference_pages().items():
        files.append(File.generated(config, f"{_FOLDER}/{name}", content=text))
    return files


def _title(name: str) -> str:
    return name.removesuffix(".md").replace("-", " ").capitalize()
