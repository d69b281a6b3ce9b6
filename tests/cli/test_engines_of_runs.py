"""`--engine` of the commands that take a run: another engine than the one it was trained on."""

from __future__ import annotations

import csv
from importlib.util import find_spec

import numpy as np
import pytest

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")


def numbers(text):
    """The cells of predictions that are numbers, but for what names the sample."""
    rows = list(csv.DictReader(text.splitlines()))
    return np.array([[float(row[name]) for name in row if name not in ("input", "prediction", "truth")] for row in rows])


def values(done):
    assert done.code == 0, done.err
    return {name: float(value) for name, value in map(str.split, done.out.splitlines())}


@needs_torch
def test_a_run_is_measured_and_predicts_on_another_engine(fittool, small):
    run = fittool("train", small).run
    here, there = (values(fittool("evaluate", run.path, *more)) for more in ((), ("--engine", "torch")))
    assert there == pytest.approx(here, rel=1e-5)
    told = [fittool("predict", run.path, "--on", "validation", "--engine", name).out for name in ("numpy", "torch")]
    np.testing.assert_allclose(numbers(told[0]), numbers(told[1]), atol=1e-5)


@needs_torch
def test_a_run_goes_on_on_another_engine_and_back(fittool, small):
    run = fittool("train", small).run
    there = fittool("resume", run.path, "--epochs", 3, "--engine", "torch")
    assert (there.code, "The run continues, but not bit-identical: engine numpy" in there.err) == (0, True), there.err
    stays = fittool("resume", run.path, "--epochs", 4)
    assert (stays.code, "not bit-identical" in stays.err, "torch" in stays.err) == (0, False, True), stays.err
    back = fittool("resume", run.path, "--epochs", 5, "--engine", "numpy")
    assert (back.code, "not bit-identical: engine torch → numpy" in back.err) == (0, True), back.err


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_an_engine_that_is_not_installed_is_told(fittool, small, command):
    run = fittool("train", small).run
    done = fittool(command, run.path, "--engine", "torch", *(("--epochs", 3) if command == "resume" else ()))
    assert (done.code, "pip install" in done.err) == (6, True), done.err
    assert values(fittool("evaluate", run.path))["loss"] > 0


@pytest.mark.parametrize("command", ["evaluate", "predict", "resume"])
def test_an_engine_that_nobody_knows_is_told(fittool, small, command):
    run = fittool("train", small).run
    done = fittool(command, run.path, "--engine", "nump", *(("--on", "validation") if command == "predict" else ()))
    assert (done.code, "Did you mean numpy?" in done.err) == (2, True), done.err
