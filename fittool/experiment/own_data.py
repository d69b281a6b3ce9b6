"""The data that a run's experiment names, held against those that the run was trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import CheckpointError, DataError, Problem
from fittool.experiment.building.consent import refuse_remote_data
from fittool.experiment.building.data import Data, OpenedData, left_out, open_data
from fittool.experiment.resuming.changes import refuse_other_data
from fittool.experiment.run_metadata import SAMPLES_FORM, known_data, sample_fingerprints
from fittool.experiment.trained_run import TrainedRun

Part = Literal["train", "validation"]


def own_data(
    run: TrainedRun, on: Part, *, accept_changes: bool = False, warn: Callable[[str], object] = str
) -> tuple[Data, Sequence[Problem]]:
    """A part of the run's data, and the files that are left out of it, or of both parts where one was split off.

    Args:
        run: The run.
        on: Which part.
        accept_changes: Whether other data than those trained with are only warned of.
        warn: Given a sentence about that.

    Raises:
        DataError: The data are missing, or no longer those that the run was trained with.
        CheckpointError: The run has no such part.
    """
    if not run.trusted:
        refuse_remote_data(run.loaded, run.directory.path)
    data = open_data(run.loaded, run.encoder, run.output_classes)
    part = data.train if on == "train" else data.validation
    if part is None:
        text = "The run has no validation data. Give data with --data, or measure the training data with --on train."
        raise CheckpointError(text, place=str(run.directory.path))
    try:
        _check_same(run, on, data)
    except DataError as error:
        if not accept_changes:
            raise
        for problem in error.problems:
            warn(problem.text)
    return part, left_out(part) or data.skipped


_MEND = (
    "Samples that the network has seen in training may be among those that it is measured on. Put the old ones back, give "
    "data of your own (evaluate --data DATA, predict RUN PATH), or add --accept-changes."
)


def _check_same(run: TrainedRun, on: Part, data: OpenedData) -> None:
    """Hold a part against the run's record of it; nothing is claimed of a run that has none, and of batches made by code.

    Raises:
        DataError: It is another one; says so of both parts.
    """
    parts = {"train": data.train, "validation": data.validation}
    known = known_data(run.directory.read_environment())
    was = {part: text for part, text in known["sample_fingerprints"].items() if str(text).startswith(f"{SAMPLES_FORM}:")}
    if on not in was or sample_fingerprints({on: parts[on]}).get(on, was[on]) == was[on]:
        return
    amounts = {part: len(found) for part, found in parts.items() if found is not None and not isinstance(found, GeneratorData)}
    before = {"data": _without_form(was), "samples": known["samples"]}
    now = {"data": _without_form(sample_fingerprints(parts)), "samples": amounts}
    refuse_other_data(run.loaded, before, now, _MEND)


def _without_form(fingerprints: dict[str, str]) -> dict[str, str]:
    return {part: text.partition(":")[2] for part, text in fingerprints.items()}
