from __future__ import annotations

import json

import pytest
from cli.commands import FROM_GENERATOR, GENERATOR

LONG = (("epochs: 2", "epochs: 41"),)
"""Changes the small experiment to one of 205 steps."""


def told(text):
    return [line for line in text.splitlines() if line.startswith("accuracy ")]


def kept(run):
    return json.loads((run.path / "evaluation.json").read_text())["baselines"]


def test_a_training_ends_with_them_and_evaluate_says_the_same(fittool, write):
    done = fittool("train", write(*LONG))
    (line,) = told(done.err)
    row = done.run.metrics.rows()[done.run.read_status().best["epoch"] - 1]
    assert line.startswith(f"accuracy {row['val_accuracy']:.4f}; a line ")
    assert ", the commonest class 0." in line
    assert line in (done.run.path / "run.log").read_text()
    stored = json.loads((done.run.path / "baselines.json").read_text())
    evaluated = fittool("evaluate", done.run.path)
    found = kept(done.run)
    assert (found["line"], found["constant"], found["samples"]) == (stored["line"], stored["constant"], 12)
    assert found["sentence"] in evaluated.err
    assert found["network"] == pytest.approx(json.loads((done.run.path / "evaluation.json").read_text())["accuracy"])


def test_what_a_run_has_kept_is_not_fitted_again(fittool, write, monkeypatch):
    run = fittool("train", write(*LONG)).run
    monkeypatch.setattr("fittool.experiment.results.beside.baselines", lambda *_, **__: pytest.fail("it was fitted again"))
    assert fittool("evaluate", run.path).code == 0


def test_a_short_training_tells_nothing_but_its_evaluation_does(fittool, small, monkeypatch):
    done = fittool("train", small)
    assert told(done.err) == []
    assert not (done.run.path / "baselines.json").exists()
    fittool("evaluate", done.run.path)
    assert kept(done.run)["line"] is not None
    monkeypatch.setattr("fittool.experiment.results.beside.baselines", lambda *_, **__: pytest.fail("it was fitted again"))
    assert fittool("evaluate", done.run.path).code == 0


@pytest.mark.parametrize("options", [("--smoke",), ("--verbose", 0), ("--quiet",)])
def test_trials_and_silent_trainings_get_none(fittool, write, options, monkeypatch):
    monkeypatch.setattr("fittool.experiment.results.beside.baselines", lambda *_, **__: pytest.fail("it was fitted"))
    assert fittool("train", write(*LONG), *options).code == 0


def test_a_resumed_training_tells_them(fittool, write):
    run = fittool("train", write()).run
    assert told(fittool("resume", run.path, "--epochs", 41).err)


def test_parts_and_other_data_have_their_own(fittool, write):
    run = fittool("train", write(*LONG)).run
    fittool("evaluate", run.path, "--on", "train")
    assert kept(run)["samples"] == 36
    fittool("evaluate", run.path, "--data", "small.npz")
    assert kept(run)["samples"] == 48


def test_batches_of_a_function_have_none(fittool, write):
    write(text=GENERATOR, name="mine.py")
    done = fittool("train", write(*FROM_GENERATOR))
    assert (done.code, told(done.err)) == (0, [])
    assert fittool("evaluate", done.run.path, "--experiment", "e.yaml", "--on", "train").code == 0
    assert kept(done.run) is None


def test_a_line_that_cannot_be_fitted_loses_no_training(fittool, write, monkeypatch):
    def broken(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("fittool.experiment.results.beside.baselines", broken)
    done = fittool("train", write(*LONG))
    assert (done.code, told(done.err)) == (0, [])


def test_a_network_that_is_worse_than_a_line_is_told_so(fittool, write):
    run = fittool("train", write(("adam", "{SGD: {learning_rate: 0.0}}"), *LONG)).run
    done = fittool("evaluate", run.path)
    found = kept(run)
    worse = found["network"] <= found["constant"] or found["network"] < found["line"]
    assert bool(found["verdict"]) == worse
    assert (found["verdict"] in done.err) and ("The network is" in done.err) == worse
