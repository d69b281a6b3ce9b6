"""--devices, --max-restarts and torchrun's variables, as far as they need no PyTorch."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from cli.commands import Fittool, Write

from fittool.cli import group

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


@pytest.fixture
def in_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)


def test_an_engine_of_one_process_is_told_by_name(fittool: Fittool, small: Path) -> None:
    done = fittool("train", small, "--devices", "2")
    assert done.code == 3
    assert "The engine numpy computes in one process" in done.err and "--engine torch" in done.err
    assert not Path("runs").exists()


def test_a_wrong_experiment_is_told_before_anything_is_started(fittool: Fittool, write: Write) -> None:
    done = fittool("train", write(("Flatten", "Flaten")), "--devices", "2")
    assert done.code == 3 and "Flaten" in done.err and "engine" not in done.err


def test_one_process_is_this_one(fittool: Fittool, small: Path) -> None:
    done = fittool("train", small, "--devices", "1")
    assert done.code == 0, done.err
    assert done.run.read_environment()["processes"] == 1


@pytest.mark.parametrize("arguments", [("--devices", "0"), ("--devices", "many"), ("--max-restarts", "-1")])
def test_numbers_have_limits(fittool: Fittool, small: Path, arguments: tuple[str, str]) -> None:
    assert fittool("train", small, *arguments).code == 2


@pytest.mark.usefixtures("in_a_job")
def test_torchrun_has_started_them_already(fittool: Fittool, small: Path) -> None:
    done = fittool("train", small, "--devices", "2")
    assert done.code == 2 and "torchrun has started them already" in done.err


@pytest.mark.usefixtures("in_a_job")
def test_nonsense_of_torchrun_is_told(fittool: Fittool, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "first")
    done = fittool("train", small)
    assert done.code == 2 and 'RANK is "first"' in done.err


def test_without_pytorch_the_extra_is_named(fittool: Fittool, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = fittool("train", small, "--devices", "2", "--engine", "torch")
    assert done.code == 6 and "pip install 'fittool[torch]'" in done.err


def test_the_commands_of_the_page_are_commands(write: Write) -> None:
    write(name="experiment.yaml")
    page = (Path(__file__).parents[2] / "docs" / "many-processes.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^\$ (?:fittool|torchrun .* -m fittool) (.*?)(?: +#.*)?$", page, re.MULTILINE)
    assert len(lines) == 6
    for name, *arguments in map(shlex.split, lines):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        command.make_context(name, arguments)  # raises for options that are not there


def test_resume_starts_processes_too(fittool: Fittool, small: Path) -> None:
    run = fittool("train", small).run.path
    done = fittool("resume", run, "--devices", "2", "--epochs", "3")
    assert done.code == 3 and "engine numpy" in done.err
