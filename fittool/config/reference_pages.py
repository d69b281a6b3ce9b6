"""The reference page as several: the sections of a file, and each family of named things by itself."""

from __future__ import annotations

import re

from fittool.config.reference import FAMILY_TITLES, reference

_LINK = re.compile(r"\]\(#([a-z-]+)\)")


def reference_pages() -> dict[str, str]:
    """The pages as Markdown by their file names; `index.md` has the sections of a file, the most used settings first."""
    parts = re.split(r"^(?=## )", reference(), flags=re.MULTILINE)
    pages = {"index.md": ""}
    for part in parts:
        title = part.partition("\n")[0].removeprefix("## ")
        if title in FAMILY_TITLES:
            pages[_file(title)] = _higher(part)
        else:
            pages["index.md"] += part
    return {name: _with_links(text, name, pages) for name, text in pages.items()}


def _with_links(text: str, page: str, pages: dict[str, str]) -> str:
    """The same text with links that lead from page to page."""
    return _LINK.sub(lambda link: f"]({_target(link[1], page, pages)})", text)


def _file(title: str) -> str:
    return f"{title.casefold().replace(' ', '-')}.md"


def _higher(part: str) -> str:
    """The same part with each heading one level higher, as the page is about it alone."""
    return re.sub(r"^#(#+ )", r"\1", part, flags=re.MULTILINE)


def _target(anchor: str, page: str, pages: dict[str, str]) -> str:
    """The place that a link within the one page leads to."""
    file = f"{anchor}.md"
    if file in pages:
        return file
    return f"#{anchor}" if page == "index.md" else f"index.md#{anchor}"
