"""The differences between the experiment and data of a run and those that it is to go on with.

Only what can change the numbers counts. Where data are, what things are called, what is shown and written beside the
training, how many threads and workers there are, and more epochs, are no changes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fittool.callbacks import CALLBACKS
from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Data, Stage
from fittool.config.yaml.file_references import path_keys
from fittool.errors import DataError, ExperimentError, KeyPath, path_text
from fittool.runs.files.json_text import from_json, to_json
from fittool.settings import counts

_SECTIONS: Mapping[tuple[str, ...], type] = {(): Experiment, ("data",): Data, ("train",): Stage}
_LISTS_OF_CALLBACKS = (("callbacks",), ("train", "callbacks"))
_FORM_OF_TABLE = {(key,) for key in ("delimiter", "decimal", "thousands", "encoding", "header", "missing_values")}
_ABSENT: tuple[Any, ...] = (None, [], {})
_LONGEST = 80


@dataclass(frozen=True)
class Change:
    """A setting that is another one now.

    Attributes:
        path: Its key path.
        old, new: What it was and is; None where it is absent.
        since: When it was so, for messages.
    """

    path: KeyPath
    old: Any
    new: Any
    since: str = "when the run began"

    @property
    def is_more_epochs(self) -> bool:
        """True where there is only more to train."""
        return self.path[-1] == "epochs" and isinstance(self.old, int) and isinstance(self.new, int) and self.new > self.old

    def __str__(self) -> str:
        """Such as `train.batch_size was 8 and is 16 now`."""
        return f"{path_text(self.path)} was {_show(self.old)} {self.since}, and is {_show(self.new)} now."


def changes_between(before: Mapping[str, Any], now: Mapping[str, Any], *, same_data: bool = True) -> list[Change]:
    """The settings that differ and may change the numbers.

    Args:
        before, now: Two resolved experiments as plain data.
        same_data: Whether the data are known by their fingerprints, so that it does not matter where they are.
    """
    # Both go through JSON: one comes from a file, where tuples have become lists.
    old, new = (dict(_leaves(_counting(from_json(to_json(one))), ())) for one in (before, now))
    paths = sorted(old.keys() | new.keys(), key=lambda path: [str(step) for step in path])
    changes = [Change(path, old.get(path), new.get(path)) for path in paths if _differ(old.get(path), new.get(path))]
    return [change for change in changes if not (same_data and (_is_place_of_data(change) or _is_form_of_table(change)))]


def counting_settings(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that may change the numbers, by their key path as text; without the number of epochs, and where data are.

    Args:
        experiment: A resolved experiment as plain data.
    """
    leaves = dict(_leaves(_counting(from_json(to_json(experiment))), ()))
    return {
        path_text(path): value
        for path, value in leaves.items()
        if value not in _ABSENT and path[-1] != "epochs" and not _is_place_of_data(Change(path, value, value))
    }


def refuse_changes(loaded: LoadedExperiment, changes: Sequence[Change]) -> None:
    """Refuse to go on with another experiment.

    Raises:
        ExperimentError: There are changes; lists each with old and new.
    """
    if changes:
        problems = [loaded.problem(str(change), *change.path) for change in changes]
        last = problems[-1]
        mend = "Change it back, choose another run directory, or add --accept-changes."
        # The advice stands once, behind the last change, not in each line.
        problems[-1] = replace(last, text=f"{last.text} {mend}")
        raise ExperimentError([replace(problem, exit_code=ExperimentError.code) for problem in problems])


def refuse_other_data(
    loaded: LoadedExperiment,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    mend: str = "Put the old ones back, choose another run directory, or add --accept-changes.",
) -> None:
    """Refuse to go on with other data.

    Args:
        loaded: The experiment.
        before, now: Two environments, with `data` (fingerprints) and `samples` (amounts) of each part.
        mend: What to do about it.

    Raises:
        DataError: A fingerprint differs; says both.
    """
    problems = []
    for part in sorted({*before.get("data", {}), *now["data"]}):
        old, new = before.get("data", {}).get(part), now["data"].get(part)
        if old != new:
            amounts = before.get("samples", {}).get(part), now["samples"].get(part)
            found = f"{_amounts(*amounts)}fingerprint {_short(old)} → {_short(new)}."
            text = f"The {part} data are not those that the run began with: {found}"
            problems.append(loaded.problem(f"{text} {mend}", "data", part))
    if problems:
        raise DataError([replace(problem, exit_code=DataError.code) for problem in problems])


def _counting(experiment: dict[str, Any]) -> dict[str, Any]:
    """Without callbacks that only write."""
    train = experiment.get("train")
    stages = [_with_fewer_callbacks(stage) for stage in train] if isinstance(train, list) else train
    return _with_fewer_callbacks({**experiment, "train": stages})


def _with_fewer_callbacks(section: dict[str, Any]) -> dict[str, Any]:
    callbacks = [one for one in section.get("callbacks") or [] if not _writes_only(one)]
    return {**section, "callbacks": callbacks}


def _writes_only(callback: Any) -> bool:
    described = CALLBACKS.class_of(str(callback if isinstance(callback, str) else next(iter(callback))))
    return described is not None and described.writes_only


def _leaves(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if _does_not_count(path):
        return
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for index, item in enumerate(data):
            if isinstance(item, dict) and len(item) == 1 and next(iter(item.values())) in _ABSENT:
                yield (*path, index), next(iter(item))  # a name without arguments
            else:
                yield from _leaves(item, (*path, index))
    else:
        yield path, data


def _does_not_count(path: KeyPath) -> bool:
    """True for a setting whose description says so; a name given by the user, such as a class's, never meets one of ours."""
    above, key = tuple(step for step in path[:-1] if isinstance(step, str)), path[-1] if path else None
    described = _SECTIONS.get(above)
    if described is None and above[:-1] in _LISTS_OF_CALLBACKS:
        described = CALLBACKS.class_of(above[-1])
    return isinstance(key, str) and described is not None and not counts(described, key)


def _differ(old: Any, new: Any) -> bool:
    return not (old == new or (old in _ABSENT and new in _ABSENT))


def _is_place_of_data(change: Change) -> bool:
    """Paths; what is there is compared by its fingerprint. Code has none."""
    is_path = len(change.path) == 4 and change.path[0] == "data" and change.path[3] in path_keys(str(change.path[2]))
    return is_path and all(isinstance(value, str) and os.path.isabs(value) for value in (change.old, change.new))


def _is_form_of_table(change: Change) -> bool:
    """True for the way a table is written; what was read is compared by its fingerprint."""
    return change.path[:1] == ("data",) and change.path[2:3] == ("csv",) and change.path[3:] in _FORM_OF_TABLE


def _show(value: Any) -> str:
    if value is None:
        return "absent"
    text = value if isinstance(value, str) else to_json(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _short(fingerprint: str | None) -> str:
    return "none" if fingerprint is None else fingerprint[:12]


def _amounts(old: int | None, new: int | None) -> str:
    return "" if old is None or new is None or old == new else f"{old:,} samples → {new:,}, "
