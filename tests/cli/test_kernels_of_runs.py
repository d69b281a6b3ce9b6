"""Which path a run takes is kept with it, and it goes on on that path; where that cannot be, it says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.commands import Fittool, fittool, folder, small, weights

from fittool.kernels import library
from fittool.kernels.library import NUMBERS, find_library
from fittool.runs.directory import RunDirectory

__all__ = ["fittool", "folder", "small"]

needs_kernels = pytest.mark.skipif(find_library()[0] is None, reason=find_library()[1])
HERE = ("--run-dir", "here")
NATIVE = f"native {NUMBERS}"
STOPPED = ("--timeout", "0.001s")


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Calling it takes the compiled kernels away."""

    def take_away() -> None:
        monkeypatch.setattr(library, "LIBRARIES", tmp_path / "nothing")
        find_library.cache_clear()

    monkeypatch.delenv("FITTOOL_KERNELS", raising=False)
    find_library.cache_clear()
    return take_away


@pytest.fixture(autouse=True)
def found_anew() -> object:
    """Whatever a test took away is there again."""
    yield
    find_library.cache_clear()


def path_of(run: str = "here") -> str:
    return str(json.loads(Path(run, "environment.json").read_text())["kernels"])


def final(run: str) -> dict[str, bytes]:
    return weights(RunDirectory.open(Path(run)))


@needs_kernels
@pytest.mark.parametrize(("setting", "path"), [("auto", NATIVE), ("native", NATIVE), ("numpy", "numpy")])
def test_the_path_is_kept(fittool: Fittool, small: Path, monkeypatch: pytest.MonkeyPatch, setting: str, path: str) -> None:
    monkeypatch.delenv("FITTOOL_KERNELS", raising=False)
    assert fittool("train", small, *HERE, "--set", f"engine.numpy.kernels={setting}").code == 0
    assert path_of() == path


@needs_kernels
@pytest.mark.parametrize(("begun", "later"), [("numpy", "native"), ("native", "numpy")])
def test_a_run_goes_on_on_its_path(
    fittool: Fittool, small: Path, monkeypatch: pytest.MonkeyPatch, begun: str, later: str
) -> None:
    monkeypatch.setenv("FITTOOL_KERNELS", begun)
    fittool("train", small, "--run-dir", "whole")
    assert fittool("train", small, *HERE, *STOPPED).code == 75
    monkeypatch.setenv("FITTOOL_KERNELS", later)
    done = fittool("resume", "here")
    assert done.code == 0
    assert "not bit-identical" not in done.err
    assert final("here") == final("whole")
    assert "the same bytes" in fittool("verify", "here", "--replay", 3).out


@needs_kernels
def test_a_setting_that_says_otherwise_is_obeyed_and_told(fittool: Fittool, small: Path) -> None:
    fittool("train", small, *HERE, *STOPPED, "--set", "engine.numpy.kernels=numpy")
    done = fittool("train", small, *HERE, "--resume", "--set", "engine.numpy.kernels=native")
    assert done.code == 0
    assert f"The run continues, but not bit-identical: kernels numpy → {NATIVE}." in done.err


@needs_kernels
def test_where_the_kernels_are_gone_numpy_goes_on_and_says_so(
    fittool: Fittool, small: Path, without_kernels: Callable[[], None]
) -> None:
    fittool("train", small, *HERE, *STOPPED)
    without_kernels()
    done = fittool("resume", "here")
    assert done.code == 0
    assert f"The run continues, but not bit-identical: kernels {NATIVE} → numpy." in done.err


@needs_kernels
def test_where_the_kernels_are_gone_nothing_is_replayed(
    fittool: Fittool, small: Path, without_kernels: Callable[[], None]
) -> None:
    fittool("train", small, *HERE)
    without_kernels()
    done = fittool("verify", "here", "--replay", 3)
    assert done.code == 6
    assert f"was trained with kernels: {NATIVE}, and here they are numpy, which gives other digits" in done.err


def test_kernels_that_are_asked_for_and_are_not_there(fittool: Fittool, small: Path, without_kernels: Callable[[], None]) -> None:
    without_kernels()
    done = fittool("train", small, "--set", "engine.numpy.kernels=native")
    assert done.code == 6
    assert "engine.numpy.kernels: native needs compiled kernels, and there are none" in done.err
    assert "or use kernels: numpy" in done.err
    assert "kernels: none, NumPy computes alone" in fittool("doctor").out


@needs_kernels
def test_a_run_of_another_engine_takes_the_best_path(fittool: Fittool, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.delenv("FITTOOL_KERNELS", raising=False)
    assert fittool("train", small, *HERE, "--engine", "torch", "--set", "train.epochs=1").code == 0
    done = fittool("train", small, *HERE, "--resume", "--verbose", 2)
    assert "The run continues, but not bit-identical: engine torch → numpy." in done.err
    (resumed,) = json.loads(Path("here", "environment.json").read_text())["resumed"]
    assert resumed["changed"]["kernels"] == [None, NATIVE]
    assert fittool("resume", "here", "--epochs", 3).code == 0
