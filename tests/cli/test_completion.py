"""Shell completion, asked for as click's scripts ask, and once by bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import environment

from fittool.cli import COMMANDS

RUNS = ("runs/digits/20261129-100000-aaaa", "runs/digits/20261129-110000-bbbb", "runs/other/20261129-120000-cccc")


@pytest.fixture
def runs(folder):
    """Three runs and a link to the newest of two of them."""
    for name in RUNS:
        Path(name).mkdir(parents=True)
        for file in ("experiment.yaml", "environment.json"):
            Path(name, file).touch()
        Path(name, "metrics.jsonl").write_text('{"epoch": 1, "loss": 0.5, "val_accuracy": 0.25, "seconds": 1.0}\n')
    Path("runs/digits/latest").symlink_to("20261129-110000-bbbb")
    return folder


def completed(*words, folder="."):
    """What is offered for the last word, each with its kind."""
    asked = {"COMP_WORDS": " ".join(("fittool", *words)), "COMP_CWORD": str(len(words)), "_FITTOOL_COMPLETE": "bash_complete"}
    command = [sys.executable, "-W", "error", "-m", "fittool"]
    done = subprocess.run(command, env=environment(**asked), cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [tuple(line.split(",", 1)) for line in done.stdout.splitlines() if line]


def plain(*words):
    return [value for kind, value in completed(*words) if kind == "plain"]


def test_commands_are_completed(folder):
    assert plain("") == list(COMMANDS)
    assert plain("lr") == ["lr-find"]


def test_options_are_completed(folder):
    assert plain("train", "--ov") == ["--overfit"]
    assert plain("train", "e.yaml", "--verbose", "") == ["auto", "0", "1", "2"]


@pytest.mark.parametrize(
    "command", ["resume", "evaluate", "predict", "report", "export", "threshold", "verify", "stop", "save", "compare"]
)
def test_runs_are_completed_with_their_latest(runs, command):
    assert sorted(plain(command, "")) == sorted([*RUNS, "runs/digits/latest"])
    assert plain(command, "runs/o") == [RUNS[2]]


def test_several_runs_are_completed_one_after_the_other(runs):
    assert plain("compare", RUNS[0], "runs/o") == [RUNS[2]]


def test_runs_elsewhere_are_completed_below_the_folder_that_is_typed(runs):
    Path("runs").rename("elsewhere")
    assert plain("evaluate", "elsewhere/o") == ["elsewhere/other/20261129-120000-cccc"]


def test_without_runs_files_are_completed(folder):
    assert completed("evaluate", "some") == [("file", "some")]
    assert completed("train", "some") == [("file", "some")]


def test_values_in_the_rows_of_runs_are_completed(runs):
    assert plain("runs", "--sort", "va") == ["val_accuracy"]
    assert plain("runs", "--sort", "s") == ["started", "state", "seconds", "size"]
    assert plain("runs", "prune", "runs", "--by", "") == ["loss", "val_accuracy", "seconds"]


def test_a_damaged_run_completes_to_nothing(runs):
    for name in RUNS:
        Path(name, "metrics.jsonl").write_bytes(b"\xff\x00")
    assert plain("runs", "prune", "runs", "--by", "") == []


def test_other_names_are_completed(folder):
    assert "digits_fit" in plain("init", "--template", "digits")
    assert plain("threshold", "RUN", "--for", "prec") == ["precision@0.9"]
    assert plain("train", "--engine", "t") == ["torch"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_run(runs, tmp_path):
    bash = shutil.which("bash")
    Path("bin").mkdir()
    Path("bin/fittool").write_text(f'#!{bash}\nexec {sys.executable} -m fittool "$@"\n')
    Path("bin/fittool").chmod(0o755)
    script = (
        'eval "$(_FITTOOL_COMPLETE=bash_source fittool)"\n'
        "COMP_WORDS=(fittool evaluate runs/o); COMP_CWORD=2\n"
        "_fittool_completion fittool evaluate\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = os.pathsep.join((str(tmp_path / "bin"), os.environ["PATH"]))
    done = subprocess.run([bash, "-c", script], env=environment(PATH=path), capture_output=True, text=True, check=False)
    assert done.stdout == f"{RUNS[2]}\n", done.stderr
