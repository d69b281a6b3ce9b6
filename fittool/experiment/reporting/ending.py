"""The report at the end of a training: the same as `fittool report` writes, of data that are open already."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import FittoolError, visible
from fittool.experiment.building.prepare import Prepared
from fittool.experiment.options import TrainOptions, wants_report
from fittool.report.live_page import extra_is_there
from fittool.runs.directory import RunDirectory
from fittool.training.display.progress import NullProgress
from fittool.training.trainer import Trainer


class _AskedToStop(Exception):
    """A signal, or the end of the time, while the report was under way."""


class _Watching(NullProgress):
    """Shows nothing, and ends the measuring when the process is asked to end: the training is done and saved by then.

    Args:
        interruption: Asked now and then.
    """

    interval: ClassVar[float] = 0.0

    def __init__(self, interruption: Callable[[], FittoolError | None]) -> None:
        self._interruption = interruption

    def due(self) -> bool:
        """Never; asks for the interruption."""
        if self._interruption() is not None:
            raise _AskedToStop
        return False


def report_at_the_end(
    prepared: Prepared,
    trainer: Trainer,
    directory: RunDirectory,
    options: TrainOptions,
    interruption: Callable[[], FittoolError | None],
) -> None:
    """Write the report of a run that has just ended well, where it is wanted; whatever fails is a warning.

    Args:
        prepared: The experiment with its data.
        trainer: Has trained.
        directory: The run.
        options: Smoke runs and processes that follow write none.
        interruption: Asked whether the process is to end.
    """
    wanted = wants_report(prepared.loaded)
    if options.smoke or options.group.rank or not (extra_is_there() if wanted == "auto" else wanted):
        return
    parts = {"train": prepared.train, "validation": prepared.validation}
    known = {name: data for name, data in parts.items() if data is not None and not isinstance(data, GeneratorData)}

    def warn(text: str) -> None:
        trainer.say(f"warning: {visible(text)}")

    try:
        # All that measures and draws, which a training without the page needs not.
        from fittool.experiment.reporting.report import Gathering, report_of
        from fittool.experiment.reporting.written import write_report
        from fittool.experiment.trained_run import just_trained

        run = just_trained(directory, prepared.loaded)
        found = report_of(run, Gathering(True, warn, _Watching(interruption), known))
        path = write_report(run.directory, found, warn)
    except _AskedToStop:
        warn("the report is left out, as the process is to end; fittool report writes it.")
    except Exception as error:  # whatever it is, a page is no reason to lose a training that is done
        warn(f"the report is not written: {error}")
    else:
        trainer.say(f"Report: {visible(str(path))}")
