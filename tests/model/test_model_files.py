"""`save` and `load_model`, and what ModelCheckpoint writes from Python."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft
from fittool.errors import CheckpointError


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_a_loaded_model_goes_on_as_the_saved_one(make, x, y, tmp_path):
    model = make(optimizer="adam", metrics=["accuracy"], seed=3)
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    model.save(tmp_path / "model.safetensors")
    loaded = ft.load_model(tmp_path / "model.safetensors", threads=1)
    assert same(model, loaded)
    rows = [one.fit(x, y, epochs=4, initial_epoch=2, batch_size=8, verbose=0).history for one in (model, loaded)]
    assert rows[0] == rows[1]
    assert same(model, loaded)


def test_several_outputs_come_back(make_two, x, y, z, tmp_path):
    model = make_two(metrics={"kind": ["acc"]}, weighted_metrics={"size": [{"MeanAbsoluteError": {"name": "off"}}]},
                     loss_weights=[1.0, 0.2])  # fmt: skip
    model.save(tmp_path / "model.safetensors")
    loaded = ft.load_model(tmp_path / "model.safetensors")
    assert loaded.evaluate(x, [y, z], verbose=0) == pytest.approx(model.evaluate(x, [y, z], verbose=0))


def test_a_model_that_was_not_compiled_predicts(x, tmp_path):
    model = ft.Model([{"Dense": {"units": 2}}], input_shape=(4,))
    model.save(tmp_path / "model.safetensors")
    loaded = ft.load_model(tmp_path / "model.safetensors")
    assert loaded.compiled is None
    assert np.array_equal(loaded.predict(x), model.predict(x))


def test_another_suffix_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        model.save(tmp_path / "model.keras")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"no model")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        ft.load_model(tmp_path / "model.safetensors")


def test_model_checkpoint_writes_models(make, x, y, tmp_path):
    model = make(optimizer="adam")
    path = str(tmp_path / "files" / "{epoch:02d}.safetensors")
    model.fit(x, y, epochs=3, verbose=0, callbacks=[ft.callbacks.ModelCheckpoint(path)])
    assert sorted(file.name for file in (tmp_path / "files").iterdir()) == [f"0{n}.safetensors" for n in (1, 2, 3)]
    assert same(ft.load_model(tmp_path / "files" / "03.safetensors"), model)
    assert ft.load_model(tmp_path / "files" / "02.safetensors").epochs_done == 2


def test_model_checkpoint_keeps_the_best_alone(model, x, y, tmp_path):
    path = str(tmp_path / "best.safetensors")
    callback = ft.callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True)
    losses = model.fit(x, y, epochs=3, verbose=0, callbacks=[callback]).history["loss"]
    assert ft.load_model(path).epochs_done == 1 + int(np.argmin(losses))


def test_weights_alone_hold_no_optimizer(make, x, y, tmp_path):
    path = str(tmp_path / "w.safetensors")
    make(optimizer="adam").fit(x, y, epochs=1, verbose=0, callbacks=[ft.callbacks.ModelCheckpoint(path, save_weights_only=True)])
    assert ft.load_model(path).optimizer.iterations == 0


def test_the_best_checkpoint_of_a_run_is_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITTOOL_VERBOSE", "0")
    (tmp_path / "small.yaml").write_text(
        "name: small\ndata: {train: {synthetic: {samples: 32, shape: [4], classes: 3}}}\n"
        "model: {layers: [{Dense: {units: 3, activation: softmax}}]}\n"
        "compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}\ntrain: {epochs: 2}\n"
    )
    run = ft.train(ft.load_experiment(tmp_path / "small.yaml"))
    model = ft.load_model(run.directory / "checkpoints" / "best.safetensors")
    assert model.predict(np.zeros((2, 4))).shape == (2, 3)
    assert model.optimizer.iterations == 2 and model.epochs_done == 2
