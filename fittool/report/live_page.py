"""The live page: `report.html` beside a run, with the course of every metric, rewritten while the run goes on.

One file without scripts that refers to nothing outside of it. Needs the extra `report`. It never fails the run.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.callbacks.snapshot import Position
from fittool.errors import MachineError, visible
from fittool.runs.files.atomic import atomic_write
from fittool.training.display.formatting import number

_NEEDED = ("matplotlib", "jinja2")
_NOT_DRAWN = ("epoch", "stage", "seconds", "examples_per_second", "data_seconds")
_SHARE = 10
"""Drawing takes at most one part in so many of the time: pages of very short epochs are left out, but never the last."""
_TEMPLATE = Path(__file__).with_name("live_page.html")


_ANSWERS: dict[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def machine_default() -> bool | Literal["auto"]:
    """The value of FITTOOL_VIEW_METRICS, where nobody else says anything."""
    return _ANSWERS.get(os.environ.get("FITTOOL_VIEW_METRICS", "auto").casefold(), "auto")


def extra_is_there() -> bool:
    """True where the packages of the extra `report` are installed."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


def check_extra() -> None:
    """Refuse to promise a page that cannot be drawn.

    Raises:
        MachineError: The extra is missing; says the pip command.
    """
    if not extra_is_there():
        missing = " and ".join(name for name in _NEEDED if importlib.util.find_spec(name) is None)
        raise MachineError(f"view_metrics needs {missing}. Install the extra with: pip install 'fittool[report]'")


def live_page(view_metrics: bool | Literal["auto"], path: Path, title: str, epochs: int) -> LivePage | None:
    """The callback that keeps the page, or None where there is to be none.

    Args:
        view_metrics: True, False, or auto: where the extra is there and there is more than one epoch.
        path: The file.
        title: What the page is called.
        epochs: The number of the last epoch.

    Raises:
        MachineError: It is asked for, but the extra is missing.
    """
    if view_metrics is True:
        check_extra()
    wanted = extra_is_there() and epochs > 1 if view_metrics == "auto" else view_metrics
    return LivePage(path, title, epochs) if wanted else None


class LivePage(Callback):
    """Draws the rows of the run so far.

    Args:
        path: The file.
        title: What the page is called.
        epochs: The number of the last epoch.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, path: Path, title: str, epochs: int) -> None:
        self.path, self.title, self.epochs = path, title, epochs
        self._next = 0.0
        self._failed = False

    def on_epoch_settled(self, position: Position) -> None:
        """Draw the page anew."""
        if time.monotonic() >= self._next:
            self._draw("running")

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Draw the last page, which no longer asks for a newer one."""
        self._draw(str(self.run.reason))

    def _draw(self, state: str) -> None:
        rows = () if self.run.backups is None else self.run.backups.rows()
        if self._failed or not rows:
            return
        began = time.monotonic()
        try:
            warning = atomic_write(self.path, [page(self.title, rows, self.epochs, state).encode("utf-8", "replace")])
        except Exception as error:  # whatever it is, a picture is no reason to lose a training
            warning = f"the live page cannot be drawn any more: {error}"
            self._failed = True
        if warning is not None:
            self.run.say(f"warning: {visible(str(warning))}")
        self._next = time.monotonic() + _SHARE * (time.monotonic() - began)


def page(title: str, rows: Sequence[Mapping[str, Any]], epochs: int, state: str) -> str:
    """The page as HTML.

    Args:
        title: What it is called.
        rows: One flat mapping for each finished epoch.
        epochs: The number of the last epoch.
        state: `running`, or how training ended.
    """
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    names = _value_names(rows)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        title=visible(title),
        state=state,
        epoch=int(rows[-1]["epoch"]),
        epochs=epochs,
        stage=visible(str(rows[-1].get("stage", ""))),
        figures=[_figure(name, rows) for name in names if not (name.startswith("val_") and name[4:] in names)],
        values=[(visible(name), _show(rows[-1].get(name)), *_extremes(name, rows)) for name in names],
    )
    return str(text)


def _value_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row if name not in _NOT_DRAWN))


def _show(value: Any) -> str:
    return "" if value is None else number(float(value))


def _extremes(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The least and the greatest value."""
    values = [float(row[name]) for row in rows if row.get(name) is not None]
    return _show(min(values)), _show(max(values))


def _figure(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A picture of a value over the epochs, with that of the validation; its text for those who cannot see it."""
    curves = [(label, curve) for label in (name, f"val_{name}") if (curve := _curve(label, rows))[0]]
    return {"name": visible(name), "picture": base64.b64encode(_draw_page(curves)).decode("ascii")}


def _curve(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[float]]:
    known = [(int(row["epoch"]), float(row[name])) for row in rows if row.get(name) is not None]
    return [epoch for epoch, _ in known], [value for _, value in known]


def _draw_page(curves: Sequence[tuple[str, tuple[list[int], list[float]]]]) -> bytes:
    """An SVG picture. Names are data: they are shown letter by letter, never read as formulas."""
    import io
    import logging
    import warnings

    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    settings: Any = {"text.parse_math": False, "text.usetex": False, "svg.fonttype": "none", "svg.hashsalt": "fittool"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks are drawn by the browser
        figure = Figure(figsize=(5.2, 2.6), layout="constrained")
        axes = figure.add_subplot()
        lines = [axes.plot(*curve, marker="o" if len(curve[0]) == 1 else "", linewidth=1.5)[0] for _, curve in curves]
        axes.legend(lines, [visible(name) for name, _ in curves], frameon=False, fontsize="small")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.25)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
