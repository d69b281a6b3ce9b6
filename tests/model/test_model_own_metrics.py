"""Functions of the user's as metrics, and why not as losses."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft
from fittool.errors import UserCodeError


def right(y_true, y_pred):
    return y_pred.argmax(axis=-1) == y_true


def distance(y_true, y_pred):
    return np.abs(y_true - y_pred)


def largest(y_true, y_pred):
    return y_pred.max()


def test_a_function_is_measured_under_its_name(make, x, y):
    model = make(metrics=[right, "accuracy", largest])
    history = model.fit(x, y, epochs=2, batch_size=10, validation_split=0.2, verbose=0).history
    assert history["right"] == history["accuracy"] and history["val_right"] == history["val_accuracy"]
    result = model.evaluate(x, y, verbose=0, batch_size=10)
    outputs = model.predict(x).reshape(5, 10, 3)
    assert result["largest"] == pytest.approx(outputs.max(axis=(1, 2)).mean())


def test_one_number_a_batch_has_no_weights(make, x, y):
    result = make(metrics=[largest], weighted_metrics=[largest]).evaluate(x, y, sample_weight=np.arange(50.0), verbose=0)
    assert result["largest"] == result["weighted_largest"]


def test_weights_count_where_they_are_asked_for(make, x, y):
    model = make(metrics=[right], weighted_metrics=[right, "accuracy"])
    result = model.evaluate(x, y, sample_weight=np.arange(50.0), verbose=0)
    assert result["weighted_right"] == pytest.approx(result["accuracy"]) != result["right"]


def test_outputs_have_functions_of_their_own(make_two, x, y, z):
    model = make_two(metrics={"kind": right, "size": [distance, "mae"]})
    result = model.evaluate(x, [y, z], verbose=0)
    assert result["size_distance"] == pytest.approx(result["size_mae"]) and "kind_right" in result


def test_objects_and_lambdas_are_called_by_their_class(make, x, y):
    class Right:
        def __call__(self, y_true, y_pred):
            return right(y_true, y_pred)

    assert make(metrics=[Right()]).evaluate(x, y, verbose=0).get("Right") is not None
    assert len(make(metrics=[lambda a, b: 1.0]).evaluate(x, y, verbose=0)) == 2


def test_nobody_knows_which_way_is_better(make, x, y):
    stop = ft.callbacks.EarlyStopping(monitor="right", patience=1)
    with pytest.raises(ValueError, match=r"cannot know whether more or less right is better\. Give mode"):
        make(metrics=[right]).fit(x, y, verbose=0, callbacks=[stop])
    make(metrics=[right]).fit(x, y, verbose=0, epochs=1, callbacks=[ft.callbacks.EarlyStopping(monitor="right", mode="max")])


def test_a_saved_model_does_without(make, x, y):
    model = make(metrics=["accuracy", right])
    model.fit(x, y, epochs=1, verbose=0)
    model.save("m.safetensors")
    assert ft.load_model("m.safetensors").metrics_names == ["loss", "accuracy"]


@pytest.mark.parametrize("gives", [lambda a, b: np.ones(3), lambda a, b: "good", lambda a, b: None])
def test_what_is_no_measure_is_refused(make, x, y, gives):
    with pytest.raises(UserCodeError, match="expected one number, or one for each sample"):
        make(metrics=[gives]).evaluate(x, y, verbose=0)


def test_a_loss_of_ones_own_needs_a_gradient(make):
    with pytest.raises(ValueError, match=r"loss is a function, distance\. .* has no automatic differentiation: take a loss of"):
        make(loss=distance)
