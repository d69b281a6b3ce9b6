"""Results of evaluate and of single batches: Keras's list or number, which also answers to names."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import fittool as ft

CALLS = {
    "evaluate": lambda model, x, y, **how: model.evaluate(x, y, verbose=0, **how),
    "train_on_batch": lambda model, x, y, **how: model.train_on_batch(x, y, **how),
    "test_on_batch": lambda model, x, y, **how: model.test_on_batch(x, y, **how),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_a_list_in_keras_order(make, x, y, call):
    model = make(metrics=["accuracy"])
    expected = model.test_on_batch(x, y, return_dict=True)
    loss, accuracy = call(model, x, y)
    assert (loss, accuracy) == pytest.approx((expected["loss"], expected["accuracy"]))


@every_call
def test_a_number_where_there_is_one_value(make, x, y, call):
    model = make()
    result = call(model, x, y)
    assert isinstance(result, float) and np.isfinite(result) and result["loss"] == result


@every_call
def test_a_dict_where_it_is_asked_for(make, x, y, call):
    result = call(make(metrics=["accuracy"]), x, y, return_dict=True)
    assert type(result) is dict and list(result) == ["loss", "accuracy"]


@every_call
def test_loops_for_a_dict_of_logs_work_on(make, x, y, call):
    result = call(make(metrics=["accuracy"]), x, y)
    assert result["loss"] == result[0] and result["accuracy"] == result[-1] and result[:] == list(result)
    assert dict(result) == {"loss": result[0], "accuracy": result[1]} == result
    assert [*result.keys()] == ["loss", "accuracy"] and [*result.values()] == list(result)
    assert "accuracy" in result and "auc" not in result and result.get("auc", 3) == 3
    assert [f"{name} {value:.1f}" for name, value in result.items()] == [f"loss {result[0]:.1f}", f"accuracy {result[1]:.1f}"]


def test_an_unknown_name_is_a_key_error(make, x, y):
    with pytest.raises(KeyError, match="acc"):
        make(metrics=["accuracy"]).test_on_batch(x, y)["acc"]
    with pytest.raises(KeyError, match="accuracy"):
        make().test_on_batch(x, y)["accuracy"]


def test_results_are_plain_data(make, x, y):
    for model in (make(), make(metrics=["accuracy"])):
        result = model.test_on_batch(x, y)
        assert pickle.loads(pickle.dumps(result)) == result
        assert json.loads(json.dumps(result)) == result
        assert np.shape(result) == (() if isinstance(result, float) else (2,))
        assert result == dict(result.items()) and result != {"loss": -1.0}


def test_several_outputs_have_their_losses_before_the_metrics(make_two, x, y, z):
    model = make_two(metrics={"size": ["mae"], "kind": ["accuracy"]})
    result = model.evaluate(x, [y, z], verbose=0)
    assert list(result.keys()) == ["loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae"]
    assert result[0] == pytest.approx(result[1] + result[2])


def test_return_dict_is_held_against_what_it_may_be(make, x, y):
    with pytest.raises(TypeError, match="return_dict must be True or False; got 'yes'"):
        make().evaluate(x, y, verbose=0, return_dict="yes")


def test_a_callback_gets_the_same_from_its_model(make, x, y):
    seen = []
    watch = ft.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.evaluate(x, y, verbose=0)))
    model = make(metrics=["accuracy"])
    model.fit(x, y, epochs=1, verbose=0, callbacks=[watch])
    ((loss, accuracy),) = seen
    assert (loss, accuracy) == (seen[0]["loss"], seen[0]["accuracy"])
