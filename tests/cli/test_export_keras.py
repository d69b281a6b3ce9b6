"""A run as a `.keras` file, in real Keras."""

from __future__ import annotations

import csv
import io
import os
import warnings

import numpy as np
import pytest

from fittool.nn.losses import LOSSES
from fittool.nn.optimizers import OPTIMIZERS

pytest.importorskip("h5py")
os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says while it is imported is not ours
    keras = pytest.importorskip("keras")
    pytest.importorskip(os.environ["KERAS_BACKEND"])

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy


def load(path="net.keras"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras.saving.load_model(path)


def predicted(fittool, run, *arguments):
    done = fittool("predict", run.path, *arguments)
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_it_predicts_the_same_and_trains_on(fittool, write, folder):
    run = fittool("train", write()).run
    done = fittool("export", run.path, "--format", "keras", "--out", "net.keras")
    assert (done.code, done.out) == (0, "net.keras\n"), done.err
    assert "net.keras: takes input (N, 6, 6, 1); gives dense (N, 3)." in done.err
    with np.load("small.npz") as data:
        x, y = data["x"], data["y"]
    np.savez("all.npz", x=x)
    expected = [[float(row[name]) for name in "012"] for row in predicted(fittool, run, "all.npz")]
    model = load()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.fit(x, y, epochs=3, verbose=0)
    assert set(before) == {"loss", "accuracy"}
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] < before["loss"]


def test_a_temperature_goes_into_the_weights(fittool, write, folder):
    run = fittool("train", write()).run
    assert fittool("evaluate", run.path, "--calibrate").code == 0
    assert fittool("export", run.path, "--format", "keras", "--out", "net.keras").code == 0
    np.savez("all.npz", x=np.load("small.npz")["x"])
    expected = [[float(row[name]) for name in "012"] for row in predicted(fittool, run, "all.npz")]
    np.testing.assert_allclose(load().predict(np.load("small.npz")["x"], verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("scale", ["standard", "log"])
def test_numbers_are_in_their_own_unit(fittool, folder, scale):
    size = np.random.default_rng(1).uniform(1, 5, 60)
    lines = [f"{one},{1000 * one**2}" for one in size]
    (folder / "table.csv").write_text("\n".join(["size,price", *lines]) + "\n")
    (folder / "table.yaml").write_text(f"""\
name: net
data: {{train: {{csv: {{path: table.csv, label: price}}}}, target: {{scale: {scale}}}}}
model: {{layers: [Normalization, {{Dense: {{units: 8, activation: relu}}}}, {{Dense: {{units: 1}}}}]}}
compile: {{optimizer: adam, loss: mse}}
train: {{epochs: 2, validation_split: 0.25}}
""")
    run = fittool("train", "table.yaml").run
    assert fittool("export", run.path, "--format", "keras").out == "net.keras\n"
    expected = [[float(row["prediction"])] for row in predicted(fittool, run, "table.csv")]
    np.testing.assert_allclose(load().predict(size.reshape(-1, 1).astype(np.float32), verbose=0), expected, rtol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS.members)
def test_every_optimizer_is_compiled(fittool, write, name):
    run = fittool("train", write(("optimizer: adam", f"optimizer: {{{name}: {{learning_rate: 0.003}}}}"))).run
    done = fittool("export", run.path, "--format", "keras", "--out", "net.keras")
    assert done.code == 0, done.err
    if not hasattr(keras.optimizers, name):
        pytest.skip(f"this Keras has no {name}")
    optimizer = load().optimizer
    assert type(optimizer).__name__ == name
    assert float(optimizer.learning_rate) == pytest.approx(0.003)


@pytest.mark.parametrize("name", [name for name in LOSSES.members if name != "CategoricalHinge"])  # wants one-hot rows
def test_every_loss_is_compiled(fittool, write, name):
    written = "{SparseCategoricalCrossentropy: {}}" if name == "SparseCategoricalCrossentropy" else f"{{{name}: {{}}}}"
    changes = [("loss: sparse_categorical_crossentropy", f"loss: {written}"), ("  metrics: [accuracy]\n", "")]
    if "crossentropy" not in name.lower():
        changes += [("units: 3, activation: softmax", "units: 1, activation: sigmoid"), ("path: small.npz", "path: numbers.npz")]
    elif name.startswith("Binary"):
        changes += [("units: 3, activation: softmax", "units: 1, activation: sigmoid"), ("path: small.npz", "path: pair.npz")]
    x = np.load("small.npz")["x"] if os.path.exists("small.npz") else np.zeros((48, 6, 6, 1), np.uint8)
    y = np.arange(48) % 2
    np.savez("pair.npz", x=x, y=y)
    np.savez("numbers.npz", x=x, y=y.astype(np.float32).reshape(-1, 1))
    run = fittool("train", write(*changes)).run
    assert fittool("export", run.path, "--format", "keras", "--out", "net.keras").code == 0
    assert type(load().loss).__name__ == name


def test_what_keras_has_not_is_named(fittool, folder):
    lines = [f"{one},{'ab'[one % 2]}" for one in range(60)]
    (folder / "table.csv").write_text("\n".join(["size,kind", *lines]) + "\n")
    (folder / "table.yaml").write_text("""\
name: net
data: {train: {csv: {path: table.csv, label: kind}}}
model: {preset: tabular}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train: {epochs: 1, validation_split: 0.25}
""")
    done = fittool("export", fittool("train", "table.yaml").run.path, "--format", "keras")
    assert (done.code, 'RobustScaling "robust_scaling"): Keras has no such layer.' in done.err) == (5, True), done.err


def test_folding_is_for_onnx(fittool, write):
    run = fittool("train", write()).run
    done = fittool("export", run.path, "--format", "keras", "--fold")
    assert (done.code, "--fold is for --format onnx" in done.err) == (2, True)
