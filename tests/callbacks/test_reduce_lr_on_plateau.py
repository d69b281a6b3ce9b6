from __future__ import annotations

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, ReduceLROnPlateau
from fittool.errors import ArgumentError
from fittool.training.plan import Plan


def rates(values, setting):
    engine = FakeEngine(val_losses=values)
    training = FakeTrainer(engine, FakeLoader(), FakeLoader(), [setting.start(CallbackContext())], Plan(len(values)))
    training.run()
    return [pytest.approx(rate) for rate in (*training.history.history["learning_rate"][1:], engine.learning_rate)]


@pytest.mark.parametrize(
    ("arguments", "values", "expected"),
    [
        ({"patience": 1}, [1, 1, 1], [0.1, 0.01, 0.001]),
        ({"patience": 0}, [1, 1, 1], [0.1, 0.01, 0.001]),
        ({"patience": 2}, [1, 2, 2, 2], [0.1, 0.1, 0.01, 0.01]),
        ({"patience": 2}, [1, 2, 0.5, 2, 2], [0.1, 0.1, 0.1, 0.1, 0.01]),
        ({"patience": 1, "cooldown": 2}, [1, 1, 1, 1, 1, 1], [0.1, 0.01, 0.01, 0.001, 0.001, 0.0001]),
        ({"patience": 1, "cooldown": 1}, [1, 1, 1, 1], [0.1, 0.01, 0.001, 0.0001]),
        ({"patience": 1, "min_lr": 0.05}, [1, 1, 1], [0.1, 0.05, 0.05]),
        ({"patience": 1, "factor": 0.5, "min_delta": 0.5}, [1, 0.6, 0.2], [0.1, 0.05, 0.05]),
        ({"patience": 1, "mode": "max"}, [1, 2, 1], [0.1, 0.1, 0.01]),
        ({"patience": 1}, [float("nan"), 1, 1], [0.01, 0.01, 0.001]),
    ],
)
def test_the_rate_after_each_epoch(arguments, values, expected):
    assert rates(values, ReduceLROnPlateau(**arguments)) == expected


def test_a_factor_of_one_is_refused():
    with pytest.raises(ArgumentError, match="less than 1"):
        ReduceLROnPlateau(factor=1.0)


def test_its_state_goes_on():
    first = ReduceLROnPlateau(patience=3, cooldown=5).start(CallbackContext())
    first.wait, first.cooldown, first.monitor.best = 2, 4, 0.5
    second = ReduceLROnPlateau(patience=3, cooldown=5).start(CallbackContext())
    second.load_state(first.state())
    assert (second.wait, second.cooldown, second.monitor.best) == (2, 4, 0.5)
