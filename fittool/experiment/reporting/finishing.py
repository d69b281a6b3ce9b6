"""A training to its end, and what follows it: baselines, the report, and word to whom the experiment names."""

from __future__ import annotations

from collections.abc import Callable

from fittool.errors import FittoolError
from fittool.experiment.aids.overfit import tell_verdict
from fittool.experiment.aids.profile import TrainingProfile, tell_profile
from fittool.experiment.building.prepare import Prepared
from fittool.experiment.building.stages import settle
from fittool.experiment.options import TrainOptions
from fittool.experiment.reporting.ending import report_at_the_end
from fittool.experiment.reporting.notifying import notifying
from fittool.experiment.resuming.next_command import tell_next
from fittool.runs.directory import RunDirectory
from fittool.training.outcome import Outcome
from fittool.training.trainer import Trainer


def run_to_the_end(
    prepared: Prepared,
    trainer: Trainer,
    directory: RunDirectory,
    options: TrainOptions,
    interruption: Callable[[], FittoolError | None],
    *,
    tells: bool,
    profile: TrainingProfile | None = None,
) -> Outcome:
    """Train, and do what comes after a good end; the errors are those of `Trainer.run`.

    Args:
        prepared: The experiment with its data.
        trainer: Trains.
        directory: The run.
        options: What a command line adds.
        interruption: Asked whether the process is to end.
        tells: Whether baselines and the next command are told.
        profile: Learns where the time goes; None: nobody asked.
    """
    leads, known = options.group.rank == 0, len(trainer.history.rows)
    with notifying(prepared.loaded.experiment.notify if leads and not options.smoke else None, trainer, directory):
        outcome = trainer.run()
        settle(prepared, trainer.engine)
        if tells and leads and not options.smoke:
            if prepared.validation is not None:
                from fittool.experiment.results.beside import tell_baselines  # with what fits baselines

                tell_baselines(prepared, trainer, directory)
            tell_verdict(prepared.loaded.experiment, trainer, prepared.loaded.root.place.source.name)
        if leads:
            tell_profile(profile, trainer, directory, known)
        report_at_the_end(prepared, trainer, directory, options, interruption)
        if tells and leads and not options.smoke:
            tell_next(trainer, outcome)
    return outcome
