"""The examples for cron and for continuous integration work: each command of them is run, in cron's environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "configs" / "cron" / "nightly.crontab").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / "configs" / "ci" / "github.yml").read_text(encoding="utf-8"))
STEPS = WORKFLOW["jobs"]["train"]["steps"]
EXPERIMENT = (ROOT / "configs" / "digits_fit.yaml").read_text(encoding="utf-8")


def jobs():
    """The settings of the table, and its lines: five times, and a command in which cron makes % of \\%."""
    settings = dict(re.findall(r"^([A-Z]+)=(.*)$", TABLE, flags=re.MULTILINE))
    lines = re.findall(r"^((?:[\d*]+ ){5}) *(.*)$", TABLE, flags=re.MULTILINE)
    return settings, [command.replace("\\%", "%") for _, command in lines]


@pytest.fixture
def place(tmp_path):
    """A folder as the examples have it, in which `fittool` is this package."""
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    script = f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -W error -m fittool "$@"\n'
    (binaries / "fittool").write_text(script)
    (binaries / "fittool").chmod(0o755)
    text = EXPERIMENT.replace("../sample_data", str(ROOT / "sample_data")).replace("name: digits-fit", "name: nightly")
    (tmp_path / "nightly.yaml").write_text(text)
    return tmp_path


def as_cron(command, place):
    """Run a command as Debian's cron does: with the table's settings, HOME, LOGNAME, and nothing else."""
    settings, _ = jobs()
    path = settings["PATH"].replace("/srv/models", str(place))
    environment = {"PATH": path, "SHELL": settings["SHELL"], "HOME": str(place), "LOGNAME": "nobody", "FITTOOL_VIEW_METRICS": "0"}
    return subprocess.run(
        [settings["SHELL"], "-c", command.replace("/srv/models", str(place))],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110, cwd=place,
    )  # fmt: skip


def test_the_nightly_line_trains_and_then_has_nothing_to_do(place):
    command = jobs()[1][0].replace("nightly.yaml", "nightly.yaml --set train.epochs=12")
    for _ in range(2):
        done = as_cron(command, place)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (place / "runs" / "nightly" / "checkpoints" / "best.safetensors").exists()


def test_the_weekly_line_makes_a_run_of_the_week(place):
    done = as_cron(jobs()[1][1].replace("nightly.yaml", "nightly.yaml --set train.epochs=1"), place)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (run,) = (place / "runs" / "weekly").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d", run.name)


def test_a_mistake_is_printed_and_so_mailed(place):
    (place / "nightly.yaml").write_text("train: {epochs: none}\n")
    done = as_cron(jobs()[1][0], place)
    assert done.returncode == 3
    assert "nightly.yaml:1" in done.stderr


@pytest.mark.skipif(shutil.which("crontab") is None, reason="cron is not installed (apt-get install cron)")
def test_cron_takes_the_table(tmp_path):
    table = tmp_path / "table"
    table.write_text(TABLE)
    done = subprocess.run(["crontab", "-n", str(table)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def repository(place):
    (place / "experiments").mkdir()
    shutil.move(place / "nightly.yaml", place / "experiments" / "digits.yaml")
    return place


def test_each_command_of_the_workflow_works(repository):
    path = f"{repository / '.venv' / 'bin'}:{os.environ['PATH']}"
    commands = [step["run"] for step in STEPS if "fittool " in step.get("run", "")]
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=110, cwd=repository,
            env=os.environ | {"PATH": path, "CI": "true", "GITHUB_ACTIONS": "true"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_what_is_wrong_is_shown_at_its_line(repository):
    (repository / "experiments" / "digits.yaml").write_text(EXPERIMENT.replace("Conv2D", "Konv2D", 1))
    command = next(step["run"] for step in STEPS if "check" in step.get("run", ""))
    path = f"{repository / '.venv' / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=repository,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 3
    assert re.search(r"^::error file=experiments/digits.yaml,line=\d+", done.stdout + done.stderr, flags=re.MULTILINE)


def test_it_installs_an_extra_that_there_is():
    (line,) = [step["run"] for step in STEPS if "pip install" in step.get("run", "")]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"fittool\[(\w+)\]", line)) <= set(extras)
