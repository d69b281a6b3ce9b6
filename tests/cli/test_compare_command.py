from __future__ import annotations

import json
import shutil

import pytest

from fittool.runs.files.json_text import to_json


@pytest.fixture
def two(fittool, write):
    """Two runs, of which the second has another rate and batch size."""
    first = fittool("train", write()).run
    second = fittool(
        "train", write(), "--set", "train.batch_size=4", "--set", "compile.optimizer={Adam: {learning_rate: 0.01}}"
    ).run
    return first, second


def rows(done):
    assert done.code == 0, done.err
    _, *lines = done.out.splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines}


def test_settings_that_differ_and_results(fittool, two):
    found = rows(fittool("compare", *(run.path for run in two)))
    assert found["train.batch_size"] == ["8", "4"]
    assert found["compile.optimizer.Adam.learning_rate"] == ["0.001", "0.01"]
    assert "train.epochs" not in found
    assert found["state"] == ["completed", "completed"]
    values = [run.read_status().best["value"] for run in two]
    star = "*" if values[0] < values[1] else None
    assert [cell for cell in found["val_loss"] if cell != "*"] == [f"{value:.4f}" for value in values]
    assert star is None or found["val_loss"][1] == "*"


def test_json(fittool, two):
    found = json.loads(fittool("compare", *(run.path for run in two), "--json").out)
    assert found["differences"]["train.batch_size"] == [8, 4]
    assert found["results"]["val_loss"] == [run.read_status().best["value"] for run in two]
    assert [one["path"] for one in found["runs"]] == [str(run.path) for run in two]


def test_a_run_that_is_named_twice_is_there_once(fittool, two):
    done = fittool("compare", two[0].path, two[1].path, two[1].path.parent / "latest", "--json")
    assert len(json.loads(done.out)["runs"]) == 2


def test_same_experiments_are_said_to_be(fittool, two):
    shutil.copytree(two[0].path, "copy")
    done = fittool("compare", two[0].path, "copy")
    assert (done.code, "The experiments are the same." in done.err) == (0, True)


def test_kept_evaluations_are_told_with_their_intervals(fittool, two):
    kept = {"metrics": {"accuracy": {"value": 0.5, "low": 0.25, "high": 0.75}}}
    (two[0].path / "evaluation.json").write_bytes(to_json(kept))
    (two[1].path / "evaluation.json").write_bytes(b'{"metrics": [')
    assert rows(fittool("compare", *(run.path for run in two)))["accuracy"][:2] != []
    assert "accuracy (evaluate)" in (out := fittool("compare", *(run.path for run in two)).out)
    assert "0.5000 (0.2500 to 0.7500)" in out


@pytest.mark.parametrize("path", ["nothing", "."])
def test_what_is_no_run_is_refused(fittool, two, path):
    done = fittool("compare", two[0].path, path)
    assert (done.code, "is not a run directory" in done.err) == (5, True)


def test_page(fittool, two):
    pytest.importorskip("jinja2")
    done = fittool("compare", *(run.path for run in two), "--html", "all.html")
    assert (done.code, done.err) == (0, "all.html\n")
    assert fittool("compare", two[0].path, "--html", two[0].path / "all.html").code == 2
    assert fittool("compare", two[0].path, "--html", "all.txt").code == 2


def test_page_without_the_extra_says_what_to_install(fittool, two, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = fittool("compare", two[0].path, "--html", "all.html")
    assert (done.code, "pip install 'fittool[report]'" in done.err) == (6, True)
