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
    from fittool.cpu import available_threads
    from fittool.engines.numpy_engine.blas import use_one_thread
    from fittool.version import __version__

    rows = [("fittool", __version__), ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    rows += [(name, _version(name)) for name in _PACKAGES]
    note = "" if use_one_thread() else "; its BLAS cannot be held to one thread, so results may depend on it"
    rows.append(("engine numpy", f"ready, {available_threads()} threads{note}"))
    for name, value in rows:
        click.echo(f"{name:<14} {value}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"missing: pip install {name}"
