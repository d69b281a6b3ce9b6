"""fittool doctor."""

from __future__ import annotations

import importlib.metadata
import platform

import click

from fittool.cli.options import debug_option

_PACKAGES = ("numpy", "pydantic", "PyYAML", "click", "pillow", "rich", "safetensors")
EXTRAS = {
    "remote": ("data at addresses such as https://… and s3://…", ("fsspec",)),
    "tables": ("tables in Parquet and Excel files", ("pyarrow", "openpyxl")),
    "report": ("the live page of the metrics", ("matplotlib", "jinja2")),
    "sweep": ("fittool sweep with method tpe", ("optuna",)),
    "torch": ("the engine torch, on processors and graphics cards", ("torch",)),
    "keras": ("models of Keras, in .keras and .h5 files", ("h5py",)),
    "onnx": ("export to ONNX, and running what was exported", ("onnx", "onnxruntime")),
    "tensorboard": ("the callback TensorBoard", ("tensorboard",)),
    "mlflow": ("the callback MLflow", ("mlflow",)),
    "wandb": ("the callback WandB", ("wandb",)),
    "docs": ("the site of the documentation", ("mkdocs-material", "mkdocstrings")),
    "parity": ("fittool's own tests against Keras", ("keras", "scipy", "torch")),
    "dev": ("fittool's own tests and checks", ("hypothesis", "mypy", "pytest", "ruff")),
}
"""The extras that can be installed beside fittool: what each is for, and the packages that it brings."""


@click.command()
@debug_option
def doctor() -> None:
    """Show versions, engines, threads and what is missing for which feature."""
    from fittool.engines.registry import engine_reports
    from fittool.runs.environment import processor_name
    from fittool.version import __version__

    rows = [("fittool", __version__), ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    rows += [("processor", processor_name())]
    rows += [(name, _version(name) or f"missing: pip install {name}") for name in _PACKAGES]
    rows += [(f"engine {name}", text) for name, text in engine_reports()]
    rows += [(f"extra {name}", _extra(name)) for name in EXTRAS]
    for name, value in rows:
        click.echo(f"{name:<17} {value}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extra(name: str) -> str:
    """The state of an extra: its packages' versions, or how to get it; and what it is for."""
    purpose, packages = EXTRAS[name]
    found = {package: _version(package) for package in packages}
    missing = [package for package, version in found.items() if version is None]
    if missing:
        return f"missing ({', '.join(missing)}): pip install 'fittool[{name}]', for {purpose}"
    return f"there ({', '.join(f'{package} {version}' for package, version in found.items())}), for {purpose}"
