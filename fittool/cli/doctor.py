"""fittool doctor."""

from __future__ import annotations

import importlib.metadata
import platform

import click

from fittool.cli.options import debug_option

_PACKAGES = ("numpy", "pydantic", "PyYAML", "click", "pillow", "rich", "safetensors")


@click.command()
@debug_option
def doctor() -> None:
    """Show versions, engines, threads and what is missing for which feature."""
    from fittool.engines.registry import engine_reports
    from fittool.version import __version__

    rows = [("fittool", __version__), ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    rows += [(name, _version(name)) for name in _PACKAGES]
    rows += [(f"engine {name}", text) for name, text in engine_reports()]
    for name, value in rows:
        click.echo(f"{name:<14} {value}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"missing: pip install {name}"
