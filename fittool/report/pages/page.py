"""Pages from templates: escaped by default, with the shared style inside, and with nothing that a browser would fetch."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fittool.errors import MachineError, visible

_FOLDER = Path(__file__).parent
_STYLE = _FOLDER / "style.css"


def check_packages(what: str, packages: Sequence[str] = ("jinja2",)) -> None:
    """Refuse what cannot be drawn, before anything is computed for it.

    Args:
        what: The beginning of the sentence: the option or command that asks.
        packages: Those of the extra `report` that it needs.

    Raises:
        MachineError: One is missing; says the pip command.
    """
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise MachineError(f"{what} needs {' and '.join(missing)}. Install the extra with: pip install 'fittool[report]'")


def render(template: str, **values: Any) -> str:
    """A page.

    Args:
        template: The name of a template beside this file.
        values: Plain data. Text is escaped; SVG of `charts` is marked as such by the filter `drawn`.
    """
    return str(_environment().get_template(template).render(style=_style(), **values))


@cache
def _environment() -> Any:
    """Made once: a live page is rendered many times."""
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seen"] = lambda value: visible(str(value))
    environment.filters["drawn"] = markupsafe.Markup
    return environment


@cache
def _style() -> Any:
    import markupsafe

    return markupsafe.Markup(_STYLE.read_text(encoding="utf-8"))
