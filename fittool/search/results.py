"""What comes of a sweep: a table of its trials, the best one as an experiment, and a picture of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fittool.config.optional_sections.sweep import Range
from fittool.config.sweep_values import text_of
from fittool.errors import visible
from fittool.report.parallel_coordinates import Axis, Line, draw_parallel_coordinates
from fittool.runs.directory import RunDirectory
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.spreadsheet_text import csv_table
from fittool.search.record import Trial
from fittool.search.sweep import OpenSweep, sweep_of

TABLE, BEST, PICTURE = "trials.csv", "best.yaml", "parallel_coordinates.png"


def write_results(sweep: OpenSweep) -> None:
    """Write `trials.csv`, and `best.yaml` where a trial has finished.

    Raises:
        StorageError: They cannot be written.
    """
    root, trials = sweep.record.root, sweep.record.trials
    atomic_write(root / TABLE, [csv_table(list(_rows(trials)))])
    best = sweep.goal.best(trials)
    if best is not None:
        text = RunDirectory.open(sweep.record.directory(best)).read_experiment()
        atomic_write(root / BEST, [_opening(sweep, best).encode(), text.encode("utf-8", "surrogateescape")])


def write_picture(sweep: OpenSweep) -> Path | None:
    """Draw `parallel_coordinates.png`; None where fewer than two trials have a value.

    Raises:
        StorageError: It cannot be written.
    """
    lines = [
        Line([*trial.values.values(), trial.value], trial.end == "finished")
        for trial in sweep.record.trials
        if trial.value is not None and trial.end in ("finished", "pruned")
    ]
    if len(lines) < 2:
        return None
    parameters = sweep_of(sweep.loaded).parameters
    axes = [_axis(name, parameters[key]) for key, name in short_names(list(parameters)).items()]
    axes.append(Axis(sweep.goal.metric))
    path = sweep.record.root / PICTURE
    atomic_write(path, [draw_parallel_coordinates(axes, lines, less_is_better=sweep.goal.less_is_better)])
    return path


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last steps of dotted keys, as many as tell them apart: `learning_rate`, `layers.1.Dense.units`.

    Args:
        keys: All keys.
    """
    found = {}
    for key in keys:
        steps = key.split(".")
        for count in range(1, len(steps) + 1):
            end = ".".join(steps[-count:])
            alike = [other for other in keys if other == end or other.endswith(f".{end}")]
            if len(alike) == 1 and not steps[-count].isdecimal():
                break
        found[key] = end
    return found


def _axis(name: str, parameter: list[Any] | Range) -> Axis:
    if isinstance(parameter, Range):
        return Axis(name, is_log=parameter.log)
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in parameter)
    return Axis(name) if numbers else Axis(name, choices=tuple(map(text_of, parameter)), text_of=text_of)


def _rows(trials: Sequence[Trial]) -> Iterator[Mapping[str, Any]]:
    for trial in trials:
        values = {key: value if isinstance(value, int | float | str) else text_of(value) for key, value in trial.values.items()}
        yield {
            "trial": trial.number,
            "state": trial.end or "begun",
            "value": trial.value,
            **values,
            "epoch": trial.epoch,
            "epochs": trial.epochs,
            "seconds": trial.seconds,
            "run": trial.name,
            "reason": trial.reason.partition("\n")[0],
        }


def _opening(sweep: OpenSweep, best: Trial) -> str:
    """A comment on where the experiment comes from."""
    values = ", ".join(f"{key}: {text_of(value)}" for key, value in best.values.items())
    count = sum(trial.end == "finished" for trial in sweep.record.trials)
    told = f"The best of {count:,} finished trials: {best.name}, {sweep.goal.metric} {best.value:.6g}, with {values}."
    return f"# {visible(told)}\n"
