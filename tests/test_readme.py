"""The README is true: its set-up commands, its experiments, its commands, its exit codes, its links."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import pytest
import yaml
from cli.commands import Fittool, fittool, folder

from fittool import errors
from fittool.cli import COMMANDS

__all__ = ["fittool", "folder"]

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "sample_data" / "README.md",
    ROOT / "tests" / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_two_commands_of_one_line_each_do_all_set_up() -> None:
    train, test = (block.strip() for block in blocks("bash"))
    assert "\n" not in train + test
    assert train.endswith("fittool train configs/digits_fit.yaml")
    assert test.endswith("pytest")


def test_fit_experiment_is_the_file_in_configs() -> None:
    assert yaml.safe_load(blocks("yaml")[0]) == yaml.safe_load((ROOT / "configs" / "digits_fit.yaml").read_text(encoding="utf-8"))


def test_fit_generator_parts_are_those_of_the_file_in_configs() -> None:
    written = yaml.safe_load((ROOT / "configs" / "digits_fit_generator.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(blocks("yaml")[1]).items() <= written.items()


def test_the_example_for_keras_users_is_the_shipped_experiment() -> None:
    written = yaml.safe_load((ROOT / "configs" / "classic_fit_generator.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(blocks("yaml")[2]).items() <= written.items()


def test_the_three_commands_for_a_table_work(fittool: Fittool, folder: Path) -> None:
    (folder / "sample_data").symlink_to(ROOT / "sample_data")
    block = next(block for block in blocks("console") if "penguins" in block)
    commands = [shlex.split(line.removeprefix("$ fittool ")) for line in block.splitlines()]
    assert [command[0] for command in commands] == ["init", "train", "predict"]
    for command in commands:
        done = fittool(*command)
        assert done.code == 0, done.err
    heading, *rows = done.out.splitlines()
    assert heading == "input,prediction,probability,Adelie,Chinstrap,Gentoo"
    assert len(rows) == 344


def test_every_command_is_in_the_table() -> None:
    assert re.findall(r"^\| `fittool ([\w-]+)", section("Commands"), flags=re.MULTILINE) == list(COMMANDS)


def test_every_exit_code_is_documented() -> None:
    codes = {0, *(128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM))}
    codes |= {value.code for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.FittoolError)}
    documented = re.findall(r"^\| ([\d, ]+) \|", section("Exit codes"), flags=re.MULTILINE)
    assert {int(code) for row in documented for code in row.split(",")} == codes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
