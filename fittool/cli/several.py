"""Several experiments, one after the other: each in a process of its own, so that none can take the others with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from fittool.cli.children import Received, options_as_typed, run_fittool, signals_passed_on
from fittool.errors import Interrupted


@dataclass(frozen=True)
class _Trained:
    """One of the experiments.

    Attributes:
        config: Its file.
        code: How its process ended, as a shell says it.
        run: The run directory that it printed; None where it printed none.
    """

    config: Path
    code: int
    run: Path | None


def train_several(context: click.Context, configs: Sequence[Path]) -> int:
    """Train each experiment with the options of this call, and print a table of what came of them.

    Args:
        context: The call.
        configs: The experiments.

    Returns:
        0 where all went well, else the lowest of the other codes.

    Raises:
        Interrupted: A signal came; the experiment at work has saved its state, and those behind it were not begun.
    """
    options = options_as_typed(context)
    done = []
    for config in configs:
        with signals_passed_on() as received:
            done.append(_train(config, options, received))
        if received.number is not None:
            _show(done)
            raise Interrupted(received.number)
    _show(done)
    return min((one.code for one in done if one.code), default=0)


def _train(config: Path, options: Sequence[str], received: Received) -> _Trained:
    """Train one; what it prints on stdout is printed here, too."""
    code, lines = run_fittool(["train", *options, "--", str(config)], received)
    for line in lines:
        click.echo(line)
    return _Trained(config, code, Path(lines[-1]) if lines and Path(lines[-1]).is_dir() else None)


def _show(done: Sequence[_Trained]) -> None:
    """A line for each experiment, on stderr."""
    from fittool.cli.tables import Column, echo_table
    from fittool.runs.listing.find import run_at
    from fittool.runs.listing.summary import RunSummary
    from fittool.training.display.formatting import number

    found = [None if one.run is None else run_at(one.run) for one in done]
    summaries = [None if one is None else RunSummary.of(one) for one in found]
    click.echo(err=True)
    echo_table(
        [
            Column("experiment", [str(one.config) for one in done]),
            Column("exit", [str(one.code) for one in done], is_number=True),
            Column("state", ["-" if one is None else one.state for one in summaries]),
            Column(
                "best", ["-" if one is None or one.best is None else f"{one.monitor} {number(one.best)}" for one in summaries]
            ),
            Column("epochs", ["-" if one is None else f"{one.epochs:,}" for one in summaries], is_number=True),
            Column("run", ["-" if one.run is None else str(one.run) for one in done]),
        ],
        err=True,
    )
