"""TPE and Optuna's storages: what a kill leaves is gone on with, and what is lost is filled in again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fittool.config.sweeping.section import MedianPruner, Range, Sweep
from fittool.errors import UsageError
from fittool.search.optuna_search import FILE, OptunaStrategy, without_password
from fittool.search.record import Record, Trial, open_record
from fittool.search.space import Space

optuna = pytest.importorskip("optuna")

PARAMETERS: dict[str, Any] = {
    "a": Range(low=0.001, high=1, log=True),
    "b": Range(low=16, high=64, step=16),
    "c": [1, True, 1.0, {"x": [1]}],
}


def record(root: Path) -> Record:
    root.mkdir(exist_ok=True)
    return open_record(root, {"parameters": {}})


def strategy(found: Record, storage: str | None = None, less: bool = True, **sweep: Any) -> OptunaStrategy:
    section = Sweep(method="tpe", parameters=PARAMETERS, **sweep)
    return OptunaStrategy(section, Space(PARAMETERS, 7), less, name="s", storage=storage, record=found, workers=1)


def study(root: Path) -> Any:
    return optuna.load_study(study_name="s", storage=f"sqlite:///{root / FILE}")


def states(root: Path) -> list[str]:
    return [trial.state.name for trial in study(root).trials]


def test_values_are_of_the_kinds_that_were_asked_for(tmp_path: Path):
    found = strategy(record(tmp_path))
    drawn = [found.values(number) for number in range(12)]
    assert {type(one["a"]) for one in drawn} == {float}
    assert {one["b"] for one in drawn} <= {16, 32, 48, 64}
    assert all(any(one["c"] is choice for choice in PARAMETERS["c"]) for one in drawn)
    assert len({repr(one["c"]) for one in drawn}) > 1


def test_a_trial_that_was_drawn_and_not_begun_is_the_same_once_more(tmp_path: Path):
    first = strategy(record(tmp_path)).values(0)
    assert strategy(record(tmp_path)).values(0) == first
    assert states(tmp_path) == ["RUNNING"]


def test_a_trial_that_was_half_drawn_is_drawn_to_its_end(tmp_path: Path):
    whole = strategy(record(tmp_path / "whole")).values(0)
    found = record(tmp_path / "torn")
    torn = strategy(found)
    torn._add(optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, user_attrs=torn._attributes(0)))
    assert strategy(found).values(0) == whole
    assert states(tmp_path / "torn") == ["RUNNING"]


def test_each_process_draws_the_next_values_and_not_the_first_again(tmp_path: Path):
    found, drawn = record(tmp_path), []
    for number in range(3):
        drawn.append(strategy(found).values(number))
        strategy(found).ended(replace(found.begin(drawn[-1]), end="finished", value=0.5), {})
    assert len({one["a"] for one in drawn}) == 3


def test_ends_are_told_apart(tmp_path: Path):
    found = record(tmp_path)
    one = strategy(found, pruner=MedianPruner())
    for number, end in enumerate(("finished", "pruned", "failed")):
        trial = found.begin(one.values(number))
        one.reported(trial, 1, 0.25)
        one.ended(replace(trial, end=end, value=0.25), {1: 0.25})  # type: ignore[arg-type]
        one.ended(replace(trial, end=end, value=0.25), {1: 0.25})  # type: ignore[arg-type]
    assert states(tmp_path) == ["COMPLETE", "PRUNED", "FAIL"]
    assert [trial.value for trial in study(tmp_path).trials] == [0.25, 0.25, None]


def test_a_storage_that_was_lost_is_filled_again(tmp_path: Path):
    found = record(tmp_path)
    first = strategy(found)
    done = replace(found.begin(first.values(0)), end="finished", value=0.5)
    first.ended(done, {1: 0.5})
    begun = found.begin(first.values(1))
    values = [trial.params for trial in study(tmp_path).trials]
    (tmp_path / FILE).unlink()
    again = strategy(found)
    again.ended(done, {1: 0.5})
    again.go_on(begun, {1: 0.75})
    assert states(tmp_path) == ["COMPLETE", "RUNNING"]
    assert [trial.params for trial in study(tmp_path).trials] == values
    assert [trial.intermediate_values for trial in study(tmp_path).trials] == [{1: 0.5}, {1: 0.75}]


def test_directories_that_share_a_storage_keep_their_trials(tmp_path: Path):
    address = f"sqlite:///{tmp_path / 'shared.db'}"
    first, second = record(tmp_path / "first"), record(tmp_path / "second")
    one, two = strategy(first, address), strategy(second, address)
    trials = [first.begin(one.values(0)), second.begin(two.values(0)), first.begin(one.values(1))]
    two.ended(replace(trials[1], end="finished", value=0.5), {})
    shared = optuna.load_study(study_name="s", storage=address)
    assert [trial.state.name for trial in shared.trials] == ["RUNNING", "COMPLETE", "RUNNING"]
    one.ended(replace(trials[2], end="failed"), {})
    assert [trial.state.name for trial in shared.get_trials()] == ["RUNNING", "COMPLETE", "FAIL"]


def test_a_journal_is_a_storage(tmp_path: Path):
    found = record(tmp_path / "sweep")
    path = str(tmp_path / "study.journal")
    first = strategy(found, path).values(0)
    assert strategy(found, path).values(0) == first
    assert Path(path).exists()


@pytest.mark.parametrize(
    ("storage", "message"),
    [("study", "must be an address such as"), ("nodb://host/db", r"--storage nodb://host/db cannot be opened"),
     ("sqlite:////nowhere/at/all.db", "cannot be opened"), ("nodb://me:secret@host/db", r"nodb://me:\*\*\*@host/db cannot be")],
)  # fmt: skip
def test_a_storage_that_cannot_be_opened_is_told(tmp_path: Path, storage: str, message: str):
    with pytest.raises(UsageError, match=message) as told:
        strategy(record(tmp_path), storage)
    assert "secret" not in str(told.value)


def test_a_study_of_the_other_direction_is_refused(tmp_path: Path):
    strategy(record(tmp_path))
    with pytest.raises(UsageError, match="is to minimize its value, this sweep to maximize it"):
        strategy(record(tmp_path), less=False)


@pytest.mark.parametrize("pruner", ["median", "successive_halving", "hyperband"])
def test_pruners_end_what_falls_behind(tmp_path: Path, pruner: str):
    found = record(tmp_path)
    one = strategy(found, pruner={pruner: {"startup_trials": 1} if pruner == "median" else {}})
    ended = 0
    for number in range(8):
        trial: Trial = found.begin(one.values(number))
        for epoch in range(1, 10):
            if one.reported(trial, epoch, number + 1 / epoch):
                ended += 1
                one.ended(replace(trial, end="pruned", value=1.0), {})
                break
        else:
            one.ended(replace(trial, end="finished", value=float(number)), {})
    assert 0 < ended < 8


def test_a_password_is_never_told():
    assert without_password("--storage=mysql://me:a%40b@host/db") == "--storage=mysql://me:***@host/db"
    assert without_password("sqlite:///a:b@c.db") == "sqlite:///a:b@c.db"
