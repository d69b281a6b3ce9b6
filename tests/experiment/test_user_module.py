"""A network of the user's in PyTorch, with everything of fittool around it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.commands import Fittool, environment
from experiment.own_network import EXPERIMENT, NETWORK

pytest.importorskip("torch")


@pytest.fixture
def own(folder: Path) -> Path:
    """An experiment beside its network and data."""
    generator = np.random.default_rng(0)
    x = generator.integers(0, 255, (60, 6, 6, 2), np.uint8)
    np.savez(folder / "data.npz", x=x, y=(x.mean(axis=(1, 2, 3)) > 127).astype(int))
    (folder / "net.py").write_text(NETWORK)
    (folder / "own.yaml").write_text(EXPERIMENT)
    return folder / "own.yaml"


def test_it_trains_goes_on_exactly_and_is_used(own: Path, fittool: Fittool) -> None:
    assert fittool("train", own, "--run-dir", "calm", "--quiet").code == 0
    assert fittool("train", own, "--run-dir", "begun", "--quiet", "--set", "train.epochs=2").code == 0
    done = fittool("train", own, "--run-dir", "begun", "--resume", "--quiet")
    assert done.code == 0, done.err
    from fittool.runs.directory import RunDirectory

    calm, begun = (RunDirectory.open(Path(name)).checkpoints.load("last.safetensors").tensors for name in ("calm", "begun"))
    assert {"weights/module/0.weight", "weights/module/1.running_mean"} <= set(calm)
    assert all(np.array_equal(calm[name], begun[name]) for name in calm)
    assert fittool("evaluate", "calm", "--experiment", own).out.startswith("loss ")
    table = fittool("predict", "calm", "--on", "validation", "--experiment", own).out.splitlines()
    assert len(table) == 13


def test_a_run_is_trained_again_and_numbers_keep_their_scale_in_a_new_process(own: Path) -> None:
    """Each call in a process of its own: a network that this process has made already would hide that one is missing."""
    numbers = EXPERIMENT.replace("data.npz}}}", "data.npz}}, target: {scale: standard}}")
    numbers = numbers.replace("{SparseCategoricalCrossentropy: {from_logits: true}}", "mean_squared_error").replace(
        "[accuracy]", "[mae]"
    )
    numbers = numbers.replace("width: 4", "width: 4, outputs: 1")
    own.with_name("numbers.yaml").write_text(numbers, encoding="utf-8")
    x = np.load(own.with_name("data.npz"))["x"]
    np.savez(own.with_name("data.npz"), x=x, y=x.mean(axis=(1, 2, 3)))
    calls = [
        ("train", "numbers.yaml", "--run-dir", "run"),
        ("verify", "run", "--replay", "3", "--experiment", "numbers.yaml"),
        ("resume", "run", "--epochs", "4", "--experiment", "numbers.yaml"),
    ]
    for call in calls:
        command = [sys.executable, "-m", "fittool", *call]
        done = subprocess.run(command, cwd=own.parent, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_command_behind_folds_names_the_file_that_allows_the_code(own: Path, fittool: Fittool) -> None:
    done = fittool("train", own.name, "--kfold", 2, "--run-dir", "folds", "--set", "train.epochs=1", "--verbose", 0)
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == "Next: fittool evaluate folds --experiment own.yaml"


def test_a_runs_code_needs_consent(own: Path, fittool: Fittool) -> None:
    fittool("train", own, "--run-dir", "run", "--quiet")
    done = fittool("evaluate", "run")
    assert (done.code, "names Python code" in done.err, "--experiment" in done.err) == (5, True, True)


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ('{python: "net:make", arguments: {wide: 3}}', 3, "net.py:make cannot be called with these arguments"),
        ('{python: "net:nothing"}', 3, "has no function nothing"),
        ('{python: "net:number"}', 3, "net.py:number must give a torch.nn.Module, but it gave a int."),
        ('{python: "net:fails"}', 10, "net.py:fails failed: ZeroDivisionError"),
        ('{python: "net:pair"}', 3, "the module must give one tensor (N, …, K) for N samples, but for 2 it gave a tuple."),
        ('{preset: mlp, python: "net:make"}', 3, "model must hold either layers or preset or python."),
        ("{preset: mlp, arguments: {width: 3}}", 3, "model must hold no arguments without python."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(own: Path, fittool: Fittool, model: str, code: int, text: str) -> None:
    written = own.read_text(encoding="utf-8")
    own.write_text(written.replace('{python: "net:make", arguments: {width: 4}}', model), encoding="utf-8")
    done = fittool("train", own)
    assert (done.code, text in done.err) == (code, True), done.err
    assert "net.py:12" in done.err if code == 10 else "own.yaml:6:" in done.err


def test_another_engine_is_told(own: Path, fittool: Fittool) -> None:
    done = fittool("train", own, "--engine", "numpy")
    assert done.code == 3
    assert "net.py:make makes a network in PyTorch, which takes engine: torch, not numpy." in done.err
