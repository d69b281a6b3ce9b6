"""The median rule, by hand and against Optuna's pruner."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fittool.config.sweeping.section import MedianPruner, Sweep
from fittool.search.record import Trial
from fittool.search.space import Space
from fittool.search.strategy import MedianRule, OwnStrategy

CURVES = [{1: 0.9, 2: 0.5}, {1: 0.8, 2: 0.6}, {1: 0.7, 2: 0.4}]


def rule(less_is_better: bool = True, **arguments: int) -> MedianRule:
    found = MedianRule(MedianPruner(**{"startup_trials": 3, **arguments}), less_is_better)
    for curve in CURVES:
        found.finished(curve)
    return found


def test_what_is_worse_than_the_median_ends():
    assert not rule().reported(9, 1, 0.8)
    assert rule().reported(9, 1, 0.81)
    assert not rule(less_is_better=False).reported(9, 1, 0.8)
    assert rule(less_is_better=False).reported(9, 1, 0.79)


def test_the_best_value_so_far_counts():
    found = rule()
    assert not found.reported(9, 1, 0.45)
    assert not found.reported(9, 2, 0.9)


def test_none_ends_before_enough_have_finished_or_in_the_warmup():
    assert not rule(startup_trials=4).reported(9, 1, 5.0)
    assert not rule(warmup_epochs=1).reported(9, 1, 5.0)
    assert rule(warmup_epochs=1).reported(9, 2, 5.0)


def test_an_epoch_that_no_other_has_reached_ends_nobody():
    assert not rule().reported(9, 3, 5.0)


def test_what_is_no_number_is_worse_than_any():
    assert rule().reported(9, 1, math.nan)


def test_a_trial_that_goes_on_is_known():
    strategy = OwnStrategy(Sweep(parameters={"a": [1]}, pruner=MedianPruner(startup_trials=1)), Space({"a": [1]}, 0), True)
    strategy.ended(Trial(0, {}, "finished"), {1: 0.5, 2: 0.4})
    strategy.ended(Trial(1, {}, "pruned"), {1: 0.0})
    strategy.go_on(Trial(2, {}), {1: 0.3})
    assert not strategy.reported(Trial(2, {}), 2, 0.9)
    assert strategy.reported(Trial(3, {}), 2, 0.9)


@pytest.mark.parametrize("less_is_better", [True, False])
@pytest.mark.parametrize("case", range(20))
def test_it_is_optunas_rule(case: int, less_is_better: bool):
    optuna = pytest.importorskip("optuna")
    random = np.random.default_rng(case)
    setting = MedianPruner(startup_trials=int(random.integers(1, 5)), warmup_epochs=int(random.integers(0, 4)))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=setting.startup_trials, n_warmup_steps=setting.warmup_epochs + 1)
    study = optuna.create_study(direction="minimize" if less_is_better else "maximize", pruner=pruner)
    ours = MedianRule(setting, less_is_better)
    for number in range(12):
        trial = study.ask()
        curve: dict[int, float] = {}
        for epoch in range(1, int(random.integers(2, 9))):
            curve[epoch] = float(random.random())
            trial.report(curve[epoch], epoch)
            ends = ours.reported(number, epoch, curve[epoch])
            assert ends == trial.should_prune()
            if ends:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, curve[epoch])
            ours.finished(curve)
