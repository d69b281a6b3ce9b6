from __future__ import annotations

import json
import os
import sys

import numpy
import pytest

from fittool.runs import environment
from fittool.runs.environment import describe_environment
from fittool.runs.files.json_text import to_json
from fittool.runs.format import FORMAT
from fittool.version import __version__


def describe(command=("fittool", "train")):
    return describe_environment(engine="numpy", threads=2, seed=7, data={"train": "abc"}, command=command)


def test_it_says_what_a_repetition_needs():
    said = describe()
    assert said["versions"]["fittool"] == __version__
    assert said["format"] == FORMAT
    assert said["versions"]["numpy"] == numpy.__version__
    assert (said["engine"], said["threads"], said["seed"], said["data"]) == ("numpy", 2, 7, {"train": "abc"})
    assert said["machine"]["cpus"] >= 1
    assert json.loads(to_json(said)) == said


def test_the_command_names_neither_home_nor_the_programs_place(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann/")
    command = ["/home/ann/venv/bin/fittool", "train", "/home/ann/a.yaml", "--set", "data.train.npz.path=/home/ann/x.npz"]
    assert describe(command)["command"] == ["fittool", "train", "~/a.yaml", "--set", "data.train.npz.path=~/x.npz"]


def test_a_home_at_the_root_changes_nothing(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    assert describe(["fittool", "/a/b"])["command"] == ["fittool", "/a/b"]


def test_no_environment_variable_gets_in(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2-in-no-file")
    assert "hunter2" not in json.dumps(describe())


def test_a_package_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(environment, "_PACKAGES", ("numpy", "no-such-package"))
    assert set(describe()["versions"]) == {"fittool", "python", "numpy"}


def test_a_removed_working_directory_has_no_commit(monkeypatch, tmp_path):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    os.rmdir(tmp_path / "a")
    assert describe()["git_commit"] is None


@pytest.mark.parametrize(
    ("text", "name"), [("processor\t: 0\nmodel name\t: Fast 9000\n", "Fast 9000"), ("nothing", None), (None, None)]
)
def test_the_processors_name_is_found_or_its_architecture(text, name, tmp_path):
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert environment.processor_name(tmp_path / "cpuinfo") == (name or os.uname().machine)


def test_elsewhere_than_on_linux_all_cpus_count(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert describe()["machine"]["cpus"] == os.cpu_count()
