"""A run's weights alone, as safetensors."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import load_file

import fittool as ft


def test_weights_alone_leave(fittool, write, folder):
    run = fittool("train", write()).run
    done = fittool("export", run.path, "--format", "safetensors", "--out", "net.safetensors")
    assert (done.code, done.out) == (0, "net.safetensors\n"), done.err
    assert "net.safetensors: 4 arrays, 235 numbers." in done.err
    found, kept = load_file("net.safetensors"), load_file(run.paths.best)
    assert set(found) == {name for name in kept if name.startswith("weights/")}
    for name, array in found.items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_new_training_starts_from_them(fittool, write, folder):
    run = fittool("train", write()).run
    fittool("export", run.path, "--format", "safetensors", "--out", "net.safetensors")
    again = fittool("train", write(("name: small\n", "name: again\ninitial_weights: {from: net.safetensors}\n")))
    assert (again.code, "Initial weights from net.safetensors: 4 arrays loaded." in again.err) == (0, True), again.err


def test_python_loads_them_as_a_model(fittool, write, folder):
    run = fittool("train", write()).run
    fittool("export", run.path, "--format", "safetensors", "--out", "net.safetensors")
    model = ft.load_model("net.safetensors")
    assert model.predict(np.load("small.npz")["x"]).shape == (48, 3)


def test_the_same_run_gives_the_same_bytes(fittool, write, folder):
    run = fittool("train", write()).run
    for name in "ab":
        fittool("export", run.path, "--format", "safetensors", "--out", f"{name}.safetensors")
    assert (folder / "a.safetensors").read_bytes() == (folder / "b.safetensors").read_bytes()
