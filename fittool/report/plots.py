"""PNG pictures of a run for other documents: its curves, its confusion matrix, the reliability of its probabilities."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fittool.errors import visible
from fittool.runs.files.atomic import atomic_write, make_folder

_NOT_DRAWN = ("epoch", "stage", "seconds", "examples_per_second", "data_seconds")
_MOST_NAMED = 30


def write_plots(folder: Path, rows: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any] | None) -> list[Path]:
    """Draw what there is to draw of a run.

    Args:
        folder: Where the pictures go; made where it is missing.
        rows: Of the run's epochs.
        evaluation: The content of evaluation.json, or None.

    Returns:
        The pictures that were written.

    Raises:
        StorageError: They cannot be written.
    """
    make_folder(folder)
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _NOT_DRAWN))
    alone = [name for name in names if not (name.startswith("val_") and name[4:] in names)]
    drawings: dict[str, Callable[[Any], None]] = {f"{_file_name(name)}.png": _curves(name, names, rows) for name in alone}
    found = evaluation or {}
    if found.get("confusion"):
        drawings["confusion.png"] = _confusion(found["classes"], found["confusion"])
    if found.get("calibration"):
        drawings["reliability.png"] = _reliability(found["calibration"]["bins"])
    written = []
    for name, draw in drawings.items():
        atomic_write(folder / name, [png(draw)])
        written.append(folder / name)
    return written


def rate_plot(rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], suggestion: float | None) -> bytes:
    """A PNG picture of a range test: the loss over the rate, each (S,), and a line at the suggestion."""

    def draw(axes: Any) -> None:
        axes.plot(rates, losses, ".", color="grey", alpha=0.5, label="loss of the batch")
        axes.plot(rates, smoothed, label="smoothed")
        axes.set_xscale("log")
        # A loss that has exploded would press all that matters to the ground.
        low, first = min(smoothed), max(smoothed[: max(1, len(smoothed) // 4)])
        axes.set_ylim(low - 0.1 * abs(first - low) - 1e-12, first + 0.5 * abs(first - low) + 1e-12)
        if suggestion is not None:
            axes.axvline(suggestion, linestyle="--", color="C1", label=f"suggestion {suggestion:g}")
        axes.legend(frameon=False)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.grid(alpha=0.25)

    return png(draw)


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name) or "_"


def png(draw: Callable[[Any], None], size: tuple[float, float] = (6, 4)) -> bytes:
    """A picture; names are data: they are shown letter by letter, never read as formulas.

    Args:
        draw: Draws on matplotlib's axes.
        size: Width and height in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    settings: Any = {"text.parse_math": False, "text.usetex": False}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks
        figure = Figure(figsize=size, dpi=120, layout="constrained")
        draw(figure.add_subplot())
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _curves(name: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        for label in (one for one in (name, f"val_{name}") if one in names):
            points = [(int(row["epoch"]), float(row[label])) for row in rows if row.get(label) is not None]
            axes.plot(*zip(*points, strict=True), label=visible(label), marker="o" if len(points) == 1 else "")
        axes.legend(frameon=False)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.25)

    return draw


def _confusion(names: Sequence[str], matrix: Sequence[Sequence[int]]) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        shares = [[value / (sum(row) or 1) for value in row] for row in matrix]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if len(names) <= _MOST_NAMED:
            axes.set_xticks(range(len(names)), [visible(name) for name in names], rotation=90)
            axes.set_yticks(range(len(names)), [visible(name) for name in names])

    return draw


def _reliability(bins: Sequence[Mapping[str, Any]]) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
        axes.plot([one["probability"] for one in bins], [one["share"] for one in bins], marker="o")
        axes.set_xlabel("said to be probable")
        axes.set_ylabel("came true")
        axes.grid(alpha=0.25)

    return draw
