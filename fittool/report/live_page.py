"""The live page: `report.html` beside a run, with the course of every metric, rewritten while the run goes on.

It is the report of a run in its early form, with the same charts and the same style, and it is replaced by that report at the
end. One file without scripts that refers to nothing outside of it. Needs the extra `report`. It never fails the run.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.callbacks.snapshot import Position
from fittool.errors import MachineError, shown, visible
from fittool.runs.files.atomic import atomic_write
from fittool.training.display.formatting import duration, number

_NEEDED = ("matplotlib", "jinja2")
_SHARE = 200
"""Drawing takes at most one part in so many of the time: pages of short epochs are left out, but never the first and the last."""
_CARDS = 6


_ANSWERS: dict[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def machine_default() -> bool | Literal["auto"]:
    """The value of FITTOOL_VIEW_METRICS, where nobody else says anything."""
    return _ANSWERS.get(os.environ.get("FITTOOL_VIEW_METRICS", "auto").casefold(), "auto")


def extra_is_there() -> bool:
    """True where the packages of the extra `report` are installed."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


def check_extra(setting: str = "view_metrics") -> None:
    """Refuse to promise a page that cannot be drawn.

    Args:
        setting: What asks for it.

    Raises:
        MachineError: The extra is missing; says the pip command.
    """
    if not extra_is_there():
        missing = " and ".join(name for name in _NEEDED if importlib.util.find_spec(name) is None)
        raise MachineError(f"{setting} needs {missing}. Install the extra with: pip install 'fittool[report]'")


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
        self._failed = self._told = False

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
        if not self._told and not self._failed and state == "running":
            self.run.say(f"The curves are in {shown(self.path)}, drawn anew while the training goes on.")
            self._told = True
        self._next = time.monotonic() + _SHARE * (time.monotonic() - began)


def page(title: str, rows: Sequence[Mapping[str, Any]], epochs: int, state: str) -> str:
    """The page as HTML.

    Args:
        title: What it is called.
        rows: One flat mapping for each finished epoch.
        epochs: The number of the last epoch.
        state: `running`, or how training ended.
    """
    from fittool.report.pages.curves import learning_curves, value_names  # what draws is imported where something is drawn
    from fittool.report.pages.page import render

    names = value_names(rows)
    monitor = next((name for name in ("val_loss", "loss") if name in names), None)
    best = None if monitor is None else _best_epoch(monitor, rows)
    return render(
        "live_page.html",
        title=title,
        state=state,
        epoch=int(rows[-1]["epoch"]),
        epochs=epochs,
        stage=str(rows[-1].get("stage", "")),
        cards=_cards(names, rows),
        charts=learning_curves(rows, best),
        curves_told="Values of an epoch show where the pointer rests."
        + ("" if best is None else f" The upright line is the epoch with the least {monitor}, {best}."),
        values=[(name, _show(rows[-1].get(name)), *_extremes(name, rows)) for name in names],
    )


def _best_epoch(name: str, rows: Sequence[Mapping[str, Any]]) -> int | None:
    from fittool.runs.listing.order import best_among

    places = best_among(name, [None if row.get(name) is None else float(row[name]) for row in rows])
    return int(rows[min(places)]["epoch"]) if places else None


def _cards(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """The newest values, those of the validation first, each with the best so far; and the time."""
    first = sorted((name for name in names if name != "learning_rate"), key=lambda name: not name.startswith("val_"))
    cards = []
    for name in first[:_CARDS]:
        epoch = _best_epoch(name, rows)
        row = next((row for row in rows if row["epoch"] == epoch), {})
        told = "" if epoch is None else f"best {_show(row.get(name))} in epoch {epoch:,}"
        cards.append((name, _show(rows[-1].get(name)), told))
    seconds = sum(float(row.get("seconds") or 0) for row in rows)
    return [*cards, ("time", duration(seconds), f"{duration(seconds / len(rows))} an epoch")]


def _show(value: Any) -> str:
    return "" if value is None else number(float(value))


def _extremes(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The least and the greatest value."""
    values = [float(row[name]) for row in rows if row.get(name) is not None]
    return _show(min(values)), _show(max(values))
