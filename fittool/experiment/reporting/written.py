"""The files of a report: the page, and pictures for other documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fittool.report.pages.contents import RunReport
from fittool.report.pages.run_report import run_report_page
from fittool.report.plots import write_plots
from fittool.runs.directory import RunDirectory
from fittool.runs.files.atomic import atomic_write


def write_report(directory: RunDirectory, report: RunReport, warn: Callable[[str], object], out: Path | None = None) -> Path:
    """Write the page, and the pictures of a page that lies in the run.

    Args:
        directory: The run.
        report: What the page shows.
        warn: Given a sentence where a power cut may still undo it.
        out: Instead of `report.html` in the run.

    Returns:
        The page.

    Raises:
        StorageError: It cannot be written.
    """
    path = directory.path / "report.html" if out is None else out
    if (warning := atomic_write(path, [run_report_page(report).encode("utf-8", "replace")])) is not None:
        warn(warning)
    if out is None:
        write_plots(directory.paths.plots, report.rows, report.evaluation)
    return path
