"""The examples of README and docs are true: settings load, command lines are understood, guides and Python run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from cli.commands import Fittool, fittool, folder

import fittool as ft
from fittool.cli import COMMANDS, group
from fittool.cli.runs import prune
from fittool.config.experiment import Experiment
from fittool.config.experiment_file import load_experiment
from fittool.config.reference_pages import reference_pages
from fittool.settings import fields_of

__all__ = ["fittool", "folder"]
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [path for path in PAGES if path.parent.name == "guides"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
BASE = {
    "data": {"train": {"npz": {"path": "a.npz"}}},
    "model": {"layers": [{"Dense": 1}]},
    "compile": {"loss": "mse"},
}
SWEPT = {
    "model": {"layers": ["Flatten", {"Dense": {"units": 8}}, {"Dense": {"units": 2, "activation": "softmax"}}]},
    "compile": {"loss": "sparse_categorical_crossentropy", "optimizer": {"Adam": {}}, "metrics": ["accuracy"]},
}
"""What searches in the docs search through."""
OF_KERAS = ("from keras", "import keras", "generator = ImageDataGenerator", "import onnxruntime", "import torch")
"""Beginnings of Python that is Keras's, or that needs what was exported; tests of those have their own places."""


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages]


def named(pages):
    return pytest.mark.parametrize("page", pages, ids=[page.relative_to(ROOT).as_posix() for page in pages])


def fragments(text: str) -> Iterator[str]:
    """A block, or where it shows the same key several times, each of these by itself."""
    keys = re.findall(r"^(\w+):", text, flags=re.MULTILINE)
    if len(set(keys)) == len(keys):
        yield text
    else:
        yield from re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)[1:]


def merged(fragment: dict) -> dict:
    """A fragment as a whole experiment: what it leaves out is as small as can be."""
    if "learning_rate" in fragment:
        return {**BASE, "compile": {"loss": "mse", "optimizer": {"Adam": fragment}}}
    whole = {**BASE, **(SWEPT if "sweep" in fragment else {}), **fragment}
    for section in ("data", "compile"):
        if section in fragment and not {"train", "loss"} & set(fragment[section]):
            whole[section] = {**BASE[section], **fragment[section]}
    mode = {"mode": "fit_generator"} if "augmentation" in fragment else {}
    part = {} if "validation" in whole["data"] else {"validation_split": 0.2}
    return {"train": {**mode, **part}, **whole}


@named([page for page in PAGES if blocks(page, "yaml")])
def test_every_setting_that_is_shown_is_understood(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "configs" / "digits_fit.yaml", tmp_path)
    variables = {"MONITOR": "http://localhost:9", "TOKEN": "x", "HOOK": "http://localhost:9"}
    for block in blocks(page, "yaml"):
        for text in fragments(block):
            if "…" in text:  # an overview, of which the names count
                assert set(re.findall(r"^(\w+):", text, flags=re.MULTILINE)) <= set(fields_of(Experiment))
                continue
            found = yaml.safe_load(text)
            whole = found if "extends" in found else merged(found)
            (tmp_path / "e.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
            load_experiment(tmp_path / "e.yaml", variables=variables)


def command_lines(text: str) -> list[list[str]]:
    """The words of each line that calls fittool, without what stands before and behind it."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found = [line.strip() for line in lines if re.match(r"(\$ )?(fittool )", line.strip())]
    return [shlex.split(line.removeprefix("$ ").removeprefix("fittool "), comments=True) for line in found]


@named([page for page in PAGES if blocks(page, "console", "")])
def test_every_command_line_that_is_shown_is_understood(page):
    for block in blocks(page, "console", ""):
        for words in command_lines(block):
            _parse(words)


def _parse(words: list[str]) -> None:
    name, *rest = words
    assert name in COMMANDS, f"there is no fittool {name}"
    command = prune if [name, *rest[:1]] == ["runs", "prune"] else group.get_command(click.Context(group), name)
    assert command is not None
    # click keeps the help option that it makes here, so it must be the one that users get
    command.make_parser(click.Context(command, **group.context_settings)).parse_args(args=list(rest))


@pytest.fixture
def place(folder: Path) -> Path:
    """A folder with what the guides speak of."""
    for name in ("sample_data", "configs"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "sample_data" / "shapes" / "test", folder / "photos")
    return folder


def short(words: list[str]) -> list[str]:
    """The same command for one epoch, where it would train for long."""
    trains = words[0] == "train" and "--smoke" not in words and not any("epochs" in word for word in words)
    return [*words, "--set", "train.epochs=1"] if trains else words


@named(GUIDES)
def test_each_command_of_a_guide_works_in_its_order(page, place: Path, fittool: Fittool):
    lines = [words for block in blocks(page, "console") for words in command_lines(block)]
    assert lines
    if page.name == "elsewhere.md":  # which begins where a training has ended
        assert fittool("train", "configs/digits_fit.yaml", "--set", "train.epochs=1").code == 0
    for words in lines:
        if words[0] == "report":
            pytest.importorskip("jinja2")
            pytest.importorskip("matplotlib")
        done = fittool(*short(words))
        assert done.code == 0, f"{words}: {done.err}"
    for block in blocks(page, "python"):
        exec(block, {})


def test_the_commands_of_the_tour_work(place: Path, fittool: Fittool):
    block = next(block for block in blocks(ROOT / "README.md", "console") if "preview" in block)
    digit = next((ROOT / "sample_data" / "digits" / "test" / "3").iterdir())
    shutil.copy(digit, place / "photo.png")
    shutil.copytree(digit.parent, place / "folder")
    run = ""
    for words in command_lines(block):
        words = [run if word == "RUN" else word for word in words]
        done = fittool(*short(words))
        assert done.code == 0, f"{words}: {done.err}"
        run = done.out.splitlines()[-1] if words[0] == "train" else run


IN_PYTHON = [
    (page, text)
    for page in (ROOT / "README.md", ROOT / "docs" / "keras.md", ROOT / "docs" / "tables.md")
    for text in blocks(page, "python")
    if not text.startswith(OF_KERAS)
]


@pytest.mark.parametrize(("page", "text"), IN_PYTHON, ids=[f"{page.name}-{at}" for at, (page, _) in enumerate(IN_PYTHON)])
def test_python_runs_as_it_stands(page, text, place: Path):
    for name in ("penguins.csv", "new.csv"):
        shutil.copy(ROOT / "sample_data" / "penguins.csv", place / name)
    images, labels = np.random.default_rng(0).random((40, 8, 8, 1), np.float32), np.arange(40) % 10
    model = ft.Sequential([ft.Input(shape=(64, 64, 3)), ft.layers.Flatten(), ft.layers.Dense(4, activation="softmax")])
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    known = {
        "ft": ft, "x": images.reshape(40, 64), "y": labels, "images": images, "labels": labels, "test_images": images,
        "test_labels": labels, "model": model,
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        exec(re.sub(r"epochs=(\d+)", "epochs=1", text), known)


def test_the_reference_pages_hold_the_whole_reference_and_their_links_lead_somewhere():
    pages = reference_pages()
    assert {"index.md", "layers.md", "optimizers.md", "callbacks.md"} <= set(pages)
    assert "## The ten most used settings" in pages["index.md"]
    assert pages["layers.md"].startswith("# Layers\n")
    for text in pages.values():
        for link in re.findall(r"\]\(([^)]+)\)", text):
            file, _, anchor = link.partition("#")
            target = pages[file] if file else text
            titles = [title.casefold().replace("`", "").replace(".", "").replace("[", "").replace("]", "").replace(" ", "-")
                      for title in re.findall(r"^#+ (.+)$", target, flags=re.MULTILINE)]  # fmt: skip
            assert not anchor or anchor in titles


def test_every_page_that_the_site_names_is_there():
    config = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    named_pages = re.findall(r": ([\w./-]+\.md)$", config, flags=re.MULTILINE)
    assert len(named_pages) > 20
    assert [name for name in named_pages if "docs/reference/" not in name and not (ROOT / name).exists()] == []


def versions_looked_at() -> dict[str, str]:
    """The packages of docs/comparison.md with their versions."""
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+)(?: \([^)]+\))? \| (\d+\.\d+\.\d+) \|", page, flags=re.MULTILINE)
    return {name.casefold(): version for name, version in rows}


def test_the_readme_names_the_versions_that_the_comparison_was_made_with():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Beside others\n")[1].split("\n## ")[0]
    in_readme = {name.casefold(): version for name, version in re.findall(r"([A-Z]\w+) (\d+\.\d+\.\d+)", readme)}
    assert set(in_readme) == {"keras", "ludwig", "lightning", "ultralytics"}
    assert in_readme.items() <= versions_looked_at().items()


def test_findings_that_the_comparison_leads_to_run_the_versions_that_it_names():
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    scripts = set(re.findall(r"\(\.\./(findings/\w+\.sh)\)", page))
    assert len(scripts) >= 5
    for script in scripts:
        text = (ROOT / script).read_text(encoding="utf-8")
        package = Path(script).name.split("_")[0]
        pinned = set(re.findall(rf"\b{package}(?:\.tabular)?==([\d.]+)", text))
        assert pinned == {versions_looked_at()[package]}, script
