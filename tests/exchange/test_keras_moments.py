"""Optimizers of Keras's files go on here as they would there: the same weights after some more steps."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fittool as ft
from fittool.experiment.pretrained.import_model import import_model

pytest.importorskip("h5py")
os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says while it is imported is not ours
    keras = pytest.importorskip("keras")
    pytest.importorskip(os.environ["KERAS_BACKEND"])

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy
X = np.random.default_rng(1).normal(size=(96, 6, 4)).astype(np.float32)
Y = np.random.default_rng(2).normal(size=(96, 2)).astype(np.float32)
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.9, "gradient_accumulation_steps": 2}),
    ("AdamW", {}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Lion", {"learning_rate": 0.001}),
    ("Muon", {}),
]


def chain() -> Any:
    return keras.Sequential(
        [
            keras.Input((6, 4)),
            keras.layers.Conv1D(5, 3, activation="relu", name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Bidirectional(keras.layers.LSTM(3), name="both"),
            keras.layers.Dense(2, name="last"),
        ]
    )


def nested() -> Any:
    """Functional: a model within a model, a frozen layer, a shared one, branches of the same shapes."""
    deep = [keras.Input((5,)), keras.layers.Dense(4, name="deep"), keras.layers.LayerNormalization()]
    inner = keras.Sequential(deep, name="inner")
    entry = keras.Input((6, 4))
    flat = keras.layers.GlobalAveragePooling1D()(entry)
    frozen = keras.layers.Dense(5, "tanh", name="zfrozen", trainable=False)(flat)
    shared = keras.layers.Dense(5, "tanh", name="ashared")
    later, sooner = (keras.layers.Dense(5, "relu", name=name) for name in ("y", "x"))
    merged = keras.layers.Add()([inner(frozen), inner(shared(shared(frozen))), inner(sooner(flat)), inner(later(sooner(flat)))])
    return keras.Model(entry, keras.layers.Dense(2, name="last")(merged))


def trained(model: Any, name: str, arguments: dict[str, Any], steps: int) -> Any:
    model.compile(keras.optimizers.get({"class_name": name, "config": {"learning_rate": 0.01, **arguments}}), "mse")
    step_on(model, 0, steps)
    return model


def step_on(model: Any, first: int, steps: int) -> None:
    for number in range(first, first + steps):
        part = slice(8 * number, 8 * number + 8)
        model.train_on_batch(X[part], Y[part])


def taken_in(model: Any, folder: Path, name: str) -> tuple[ft.Model, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras would rather have another form of file
        model.save(folder / name)
    done = import_model(folder / name, folder / "in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ft.SettingWarning)
        return ft.load_model(folder / "in" / "weights.safetensors"), done


def assert_same_weights(ours: ft.Model, theirs: Any) -> None:
    """Within 1e-5, weight by weight; the order may be another, but names say which is which."""
    expected = {variable.path.split("/", 1)[1]: variable.numpy() for variable in theirs.weights if "seed" not in variable.path}
    found = list(ours.get_weights())
    for array in expected.values():
        nearest = min((np.abs(one - array).max() for one in found if one.shape == array.shape), default=np.inf)
        assert nearest < 1e-5 * max(1, np.abs(array).max())


@pytest.mark.parametrize("form", ["net.keras", "net.h5"])
@pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=[f"{name}-{len(rest)}" for name, rest in OPTIMIZERS])
def test_three_more_steps_are_those_of_keras(name: str, arguments: dict[str, Any], form: str, tmp_path: Path) -> None:
    theirs = trained(chain(), name, arguments, 5)
    ours, done = taken_in(theirs, tmp_path, form)
    assert done.steps == 5 == ours.optimizer.iterations
    assert ours.optimizer.learning_rate == pytest.approx(float(theirs.optimizer.learning_rate))
    for model in (theirs, ours):
        step_on(model, 5, 3)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Muon"])
def test_models_within_models_go_on_too(name: str, tmp_path: Path) -> None:
    theirs = trained(nested(), name, {}, 5)
    ours, done = taken_in(theirs, tmp_path, "net.keras")
    assert done.steps == 5
    for model in (theirs, ours):
        step_on(model, 5, 3)
    assert_same_weights(ours, theirs)


def test_a_rate_that_a_schedule_decides_goes_on(tmp_path: Path) -> None:
    theirs = chain()
    theirs.compile(keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)), "mse")
    step_on(theirs, 0, 5)
    ours, _ = taken_in(theirs, tmp_path, "net.keras")
    for model in (theirs, ours):
        step_on(model, 5, 3)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_a_rate_that_was_lowered_is_the_one_to_go_on_with(tmp_path: Path) -> None:
    theirs = trained(chain(), "Adam", {}, 2)
    theirs.optimizer.learning_rate = 0.002
    assert taken_in(theirs, tmp_path, "net.keras")[0].optimizer.learning_rate == pytest.approx(0.002)


def test_moments_in_another_order_are_left_out_and_told(tmp_path: Path) -> None:
    import io
    import zipfile

    import h5py

    trained(chain(), "Adam", {}, 2).save(tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        held = file["optimizer/vars"]
        held.move("3", "other")
        held.move("4", "3")
        held.move("other", "4")
    members["model.weights.h5"] = content.getvalue()
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    done = import_model(tmp_path / "net.keras", tmp_path / "in")
    assert done.steps is None
    assert any("in another order than Keras 3.15 has, and was left out: it begins anew" in note for note in done.notes)


def test_a_model_that_was_not_trained_begins(tmp_path: Path) -> None:
    model = chain()
    model.compile("adam", "mse")
    ours, done = taken_in(model, tmp_path, "net.keras")
    assert done.steps in (None, 0)
    assert ours.predict(X).shape == (96, 2)
