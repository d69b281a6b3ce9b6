"""fittool verify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fittool.cli.options import RunPath, debug_option, experiment_option

if TYPE_CHECKING:
    from fittool.exchange.onnx_format.verify import Verification


@click.command()
@click.argument("run", type=RunPath(), metavar="RUN|FILE.onnx")
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

    Hashes, positions, the log against the checkpoints; also of a run that is training. An exported ONNX file is run in
    onnxruntime on the samples beside it, and the largest difference printed. Exit code 5 if something is not right.
    """
    from fittool.errors import CheckpointError
    from fittool.runs.verify import verify_run

    if run.suffix.lower() == ".onnx" and not run.is_dir():
        _verify_onnx(run, steps)
        return
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


def _verify_onnx(path: Path, steps: int | None) -> None:
    from fittool.errors import CheckpointError, UsageError, shown
    from fittool.exchange.onnx_format.verify import verify_onnx

    if steps is not None:
        raise UsageError("--replay trains a run again; an exported file has no training.")
    verification = verify_onnx(path)
    for line in verification_lines(verification):
        click.echo(line)
    if not all(one.passes for one in verification.differences):
        raise CheckpointError("It does not give what is expected of its samples.", place=shown(path))


def verification_lines(verification: Verification) -> Iterator[str]:
    """A line on the largest difference, and one for each output that differs by more than rounding."""
    outcome = "agrees within" if all(one.passes for one in verification.differences) else "differs by up to"
    yield f"{verification.samples} samples: onnxruntime {verification.runtime} {outcome} {verification.largest:.1e}"
    for one in verification.differences:
        if not one.passes:
            yield f"{one.name}: " + (f"{one.largest:.0f} differ" if one.counts else f"{one.largest:.1e}")
