from __future__ import annotations

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, LambdaCallback, started
from fittool.callbacks.base import HOOKS
from fittool.errors import ArgumentError, ExperimentError, UserCodeError
from fittool.settings import fields_of
from fittool.training.plan import Plan


def run(*callbacks):
    FakeTrainer(FakeEngine(), FakeLoader(2), FakeLoader(1), started(callbacks), Plan(1)).run()


def test_every_hook_of_keras_is_there():
    assert set(fields_of(LambdaCallback)) == {hook for hook in HOOKS if not hook.endswith("settled")}


def test_functions_are_called_in_the_order_of_keras():
    seen = []
    hooks = {
        hook: lambda *arguments, hook=hook: seen.append(hook) for hook in fields_of(LambdaCallback) if "on_batch" not in hook
    }
    run(LambdaCallback(**hooks))
    step = ["on_train_batch_begin", "on_train_batch_end"]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    assert seen == ["on_train_begin", "on_epoch_begin", *step, *step, *test, "on_epoch_end", "on_train_end"]


def test_positions_are_those_of_keras():
    seen = []
    run(LambdaCallback(None, lambda epoch, logs: seen.append((epoch, logs["val_loss"]))))
    assert seen == [(0, 1.0)]


def test_a_named_function_is_looked_for_and_its_faults_are_told():
    def broken(epoch, logs):
        raise KeyError("oh")

    callback = LambdaCallback(on_epoch_begin="mine:f").start(CallbackContext(function=lambda name: broken))
    with pytest.raises(UserCodeError, match=r"test_lambda_callback.py:\d+: The on_epoch_begin mine:f failed: KeyError: 'oh'"):
        run(callback)


def test_a_name_needs_an_experiment():
    with pytest.raises(ExperimentError, match="mine:f names a function in a module, which only an experiment file can do"):
        LambdaCallback(on_epoch_begin="mine:f").start(CallbackContext())


def test_what_is_no_function_is_refused():
    with pytest.raises(ArgumentError, match="must be a function, in a file written as module:function"):
        LambdaCallback(on_epoch_begin=3)
