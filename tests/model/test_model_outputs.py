"""Several inputs and outputs."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft


def logs_of(model, x, *data, **arguments):
    return model.evaluate(x, *data, verbose=0, return_dict=True, **arguments)


def test_log_keys_are_keras(make_two, x, y, z):
    model = make_two(metrics={"kind": ["accuracy"], "size": ["mae"]}, weighted_metrics={"size": ["mae"]})
    names = ["loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae", "size_weighted_mae"]
    assert list(logs_of(model, x, [y, z])) == names
    history = model.fit(x, [y, z], epochs=1, verbose=0, validation_split=0.2).history
    assert set(history) == {*names, *(f"val_{name}" for name in names), "learning_rate"}


@pytest.mark.parametrize("weights", [[0.5, 2.0], {"kind": 0.5, "size": 2.0}])
def test_the_total_is_the_weighted_sum_and_single_losses_are_plain(make_two, x, y, z, weights):
    plain, weighted = logs_of(make_two(), x, [y, z]), logs_of(make_two(loss_weights=weights), x, [y, z])
    assert weighted["kind_loss"] == plain["kind_loss"]
    assert weighted["loss"] == pytest.approx(0.5 * plain["kind_loss"] + 2 * plain["size_loss"])


def test_a_loss_weight_of_zero_stops_learning_there(make_two, x, y, z):
    model = make_two(loss_weights={"kind": 1.0, "size": 0.0})
    before = model.get_weights()
    model.fit(x, [y, z], epochs=1, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [True, True, True, True, False, False]


def test_the_loss_weight_of_a_single_output_scales_it(make, x, y):
    assert logs_of(make(loss_weights=3.0), x, y)["loss"] == pytest.approx(3 * logs_of(make(), x, y)["loss"])


def test_one_loss_for_all_outputs(make_two, x, y, z):
    assert set(logs_of(make_two(loss="mse"), x, [np.eye(3)[y], z])) == {"loss", "kind_loss", "size_loss"}


def test_targets_by_name_come_in_any_order(make_two, x, y, z):
    assert logs_of(make_two(), x, {"size": z, "kind": y}) == logs_of(make_two(), x, [y, z])


def test_sample_weights_for_one_output_alone(make_two, x, y, z):
    model = make_two()
    plain, half = logs_of(model, x, [y, z]), logs_of(model, x, [y, z], sample_weight={"kind": np.full(50, 0.5)})
    assert half["kind_loss"] == pytest.approx(plain["kind_loss"] / 2)
    assert half["size_loss"] == plain["size_loss"]


def test_one_array_of_sample_weights_is_for_all(make_two, x, y, z):
    plain, half = logs_of(make_two(), x, [y, z]), logs_of(make_two(), x, [y, z], sample_weight=np.full(50, 0.5))
    assert half["loss"] == pytest.approx(plain["loss"] / 2)


def test_predictions_are_a_list(make_two, x):
    shapes = [output.shape for output in make_two().predict(x)]
    assert shapes == [output.shape for output in make_two().predict_on_batch(x)] == [(50, 3), (50, 2)]


def test_an_output_that_others_use_gets_both_gradients(x, z):
    layers = [ft.layers.Dense(2, name="first", inputs="input"), ft.layers.Dense(2, name="second", inputs="first")]
    both, alone = (ft.Model(layers, input_shape=(4,), outputs=names) for names in (["first", "second"], ["second"]))
    both.compile("sgd", "mse", loss_weights=[0.0, 1.0])
    alone.compile("sgd", "mse")
    both.train_on_batch(x, [z, z])
    alone.train_on_batch(x, z)
    assert all(np.allclose(a, b, atol=1e-7) for a, b in zip(both.get_weights(), alone.get_weights(), strict=True))


def test_two_outputs_in_the_same_memory_add_their_gradients(x, z):
    layers = [ft.layers.Dense(2, name="first"), ft.layers.Flatten(name="view")]
    twice, once = (ft.Model(layers, input_shape=(4,), outputs=names) for names in (["first", "view"], ["view"]))
    twice.compile("sgd", "mse")
    once.compile("sgd", "mse", loss_weights=2.0)
    twice.train_on_batch(x, [z, z])
    once.train_on_batch(x, z)
    assert all(np.allclose(a, b, atol=1e-7) for a, b in zip(twice.get_weights(), once.get_weights(), strict=True))


@pytest.fixture
def two_inputs():
    layers = [
        ft.layers.Dense(3, name="left", inputs="a"), ft.layers.Dense(3, name="right", inputs="b"),
        ft.layers.Add(inputs=["left", "right"]),
    ]  # fmt: skip
    model = ft.Model(layers, inputs={"a": (4,), "b": (2,)})
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_inputs_as_a_list_or_by_name(two_inputs, x, z):
    listed = two_inputs.predict([x, z])
    assert np.array_equal(listed, two_inputs.predict({"b": z, "a": x}))
    assert listed.shape == (50, 3)


def test_inputs_with_other_names_are_refused(two_inputs, x, z):
    with pytest.raises(ValueError, match="x holds a, c, but the network's inputs are a, b"):
        two_inputs.predict({"a": x, "c": z})


def test_too_few_inputs_are_refused(two_inputs, x):
    with pytest.raises(ValueError, match=r"x holds one array, but the network has 2 inputs \(a, b\)"):
        two_inputs.predict(x)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"loss": {"kid": "mse"}}, "loss names kid, but the network has no such output. Did you mean kind?"),
        ({"loss": ["mse"]}, "loss holds 1 entries, but the network has 2 outputs"),
        ({"loss_weights": [1.0]}, "loss_weights holds 1 entries"),
        ({"loss_weights": "heavy"}, "loss_weights must be a number for each loss"),
        ({"loss_weights": ["accuracy"]}, r"Metrics are given by name: metrics=\['accuracy'\]"),
        ({"loss_weights": [lambda y_true, y_pred: y_pred]}, "Metrics are given by name"),
        ({"metrics": ["accuracy", "mae", "mse"]}, "metrics holds 3 entries"),
        ({"metrics": {"kind": ["acuracy"]}}, "metrics: no metric is called acuracy. Did you mean"),
        ({"optimizer": "adm"}, "optimizer: no optimizer is called adm. Did you mean"),
        ({"optimizer": {"SGD": {"momentum": 2}}}, "optimizer.SGD.momentum must be at most 1, got 2"),
    ],
)
def test_wrong_arguments_of_compile_are_short_value_errors(make_two, arguments, text):
    with pytest.raises(ValueError, match=text) as raised:
        make_two(**arguments)
    assert len(str(raised.value)) < 200
