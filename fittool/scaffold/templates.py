"""The ready experiments that travel with fittool, for `init --template`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fittool.errors import PACKAGE, UsageError
from fittool.settings import nearest_name

_SAMPLE_PATH = re.compile(r"\.\./sample_data/[\w./-]*")


def folder_of_templates() -> Path:
    """The folder `configs`: inside an installed package, or beside it in a checkout."""
    inside = Path(PACKAGE) / "configs"
    return inside if inside.is_dir() else Path(PACKAGE).parent / "configs"


def template_names() -> list[str]:
    """The names of the ready experiments, sorted."""
    return sorted(path.stem for path in folder_of_templates().glob("*.yaml"))


def template_text(name: str, target: Path) -> str:
    """A ready experiment as it reads where it is written to.

    Args:
        name: One of `template_names()`.
        target: The file it is for; paths of sample data, and of a file it extends, are made relative to its folder.

    Raises:
        UsageError: There is no such template; names the nearest and all others.
    """
    names = template_names()
    if name not in names:
        near = nearest_name(name, names)
        raise UsageError(f"There is no template {name}.{f' Did you mean {near}?' if near else ''} There are {', '.join(names)}.")
    folder = folder_of_templates()
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    text = _SAMPLE_PATH.sub(lambda match: _relative(folder / match[0], target), text)
    return re.sub(r"(?m)^extends: (\S+)", lambda match: f"extends: {_relative(folder / match[1], target)}", text)


def _relative(path: Path, target: Path) -> str:
    return os.path.relpath(path, target.absolute().parent)
