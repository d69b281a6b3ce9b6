"""fittool verify."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import debug_option, experiment_option, run_argument


@click.command()
@run_argument
@click.option(
    "--replay",
    "steps",
    type=click.IntRange(min=1),
    help="Also train at least this many steps again, up to a checkpoint, and compare to the bit.",
)
@experiment_option
@debug_option
def verify(run: Path, steps: int | None, experiment: Path | None) -> None:
    """Find out whether every file of a run is whole.

    Hashes, positions, the log against the checkpoints; also of a run that is training. Exit code 5 if something is not right.
    """
    from fittool.errors import CheckpointError
    from fittool.runs.verify import verify_run

    verified = verify_run(run)
    for fact in verified.facts:
        click.echo(fact)
    if verified.problems:
        raise CheckpointError(verified.problems)
    if steps is not None:
        from fittool.experiment.resuming.replay import replay

        again = replay(run, steps, experiment)
        if again.problems:
            raise CheckpointError(again.problems)
        rows = f", and {again.rows} row{'s' * (again.rows > 1)} of metrics" if again.rows else ""
        click.echo(f"replayed steps {again.first + 1:,} to {again.last:,}: the same bytes as {again.checkpoint}{rows}")
