"""show, summary, check, preview, schema, doctor, and what all commands have in common."""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from cli.commands import FROM_GENERATOR, FROM_PICTURES, GENERATOR, SMALL, weights
from PIL import Image

from fittool.cli import COMMANDS, group
from fittool.cli.doctor import EXTRAS
from fittool.cpu import available_threads
from fittool.version import __version__

every_command = pytest.mark.parametrize("name", COMMANDS)


def command(name):
    return group.get_command(click.Context(group), name)


@every_command
def test_listed_text_is_the_first_line_of_the_help(name):
    assert command(name).help.split("\n")[0] == COMMANDS[name]


@every_command
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(fittool, name, option):
    done = fittool(name, option)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: fittool {name}")


@every_command
def test_every_option_has_help(name):
    options = [option for option in command(name).params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help or option.help[-1] != "."] == []


def test_help_lists_every_command(fittool):
    assert fittool("-h").out == fittool("--help").out
    assert all(text in " ".join(fittool("-h").out.split()) for text in COMMANDS.values())
    assert group.list_commands(None) == list(COMMANDS)


def test_version(fittool):
    assert fittool("--version").out == f"fittool {__version__}\n"


@pytest.mark.parametrize(("word", "said"), [("trian", "Did you mean train?"), ("xyz", "There are train, resume, check")])
def test_unknown_command_names_the_nearest(fittool, word, said):
    done = fittool(word)
    assert (done.code, said in done.err) == (2, True)


def test_without_a_command_the_help_is_shown(fittool):
    done = fittool()
    assert (done.code, done.out) == (2, "")
    assert "fittool predict RUN photo.png" in done.err


class TestShow:
    def test_what_is_shown_trains_to_the_same_weights(self, fittool, write, small):
        write(text=fittool("show", small).out, name="shown.yaml")
        assert weights(fittool("train", small).run) == weights(fittool("train", "shown.yaml").run)

    def test_what_is_shown_shows_itself(self, fittool, write, small):
        shown = fittool("show", small).out
        assert fittool("show", write(text=shown, name="shown.yaml")).out == shown

    def test_shown_preset_trains_to_the_same_weights(self, fittool, write, pictures):
        layers = SMALL[SMALL.index("  layers") : SMALL.index("compile")].replace("units: 3", "units: 2")
        path = write(*FROM_PICTURES, (layers, "  preset: {mlp: {units: [8]}}\n"))
        shown = fittool("show", path).out
        assert yaml.safe_load(shown)["model"].get("preset") is None
        assert shown.count("Dense:") == 2
        write(text=shown, name="shown.yaml")
        assert weights(fittool("train", path).run) == weights(fittool("train", "shown.yaml").run)

    def test_paths_are_absolute_and_the_rest_is_plain_yaml(self, fittool, small, folder):
        shown = yaml.safe_load(fittool("show", small).out)
        assert shown["data"]["train"]["npz"]["path"] == str(folder / "small.npz")
        assert shown["compile"]["optimizer"]["Adam"]["learning_rate"] == 0.001
        assert shown["train"]["epochs"] == 2

    def test_origin_says_where_each_value_comes_from(self, fittool, small):
        lines = fittool("show", small, "--origin", "--set", "train.epochs=9").out.splitlines()
        assert "seed: 7  # e.yaml:2:1" in lines
        assert "  epochs: 9  # --set train.epochs=9" in lines
        assert "  shuffle: true  # default" in lines


class TestSummary:
    def test_layers_with_shapes_and_sums(self, fittool, small):
        lines = fittool("summary", small).out.splitlines()
        assert [line.split()[1] for line in lines[1:-1]] == ["input", "Rescaling", "Conv2D", "Flatten", "Dropout", "Dense"]
        assert lines[3].split() == ["conv2d", "Conv2D", "4", "×", "4", "×", "4", "40", "1,216"]
        assert lines[-1].startswith("235 parameters")

    def test_run_has_the_table_of_its_experiment(self, fittool, small):
        run = fittool("train", small).run
        assert fittool("summary", run.path).out == fittool("summary", small).out

    def test_override_changes_an_experiment_but_no_run(self, fittool, small):
        units = ("--set", "model.layers.4.Dense.units=5")
        assert "365 parameters" in fittool("summary", small, *units).out
        done = fittool("summary", fittool("train", small).run.path, *units)
        assert (done.code, "cannot be changed" in done.err) == (2, True)


class TestCheck:
    def test_right_experiment_in_a_line(self, fittool, small):
        done = fittool("check", small)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("e.yaml: 36 samples to train on, 12 samples to validate on, 3 classes; 235 parameters;")

    def test_nothing_is_written(self, fittool, small, folder):
        before = sorted(folder.rglob("*"))
        fittool("check", small, "--data")
        assert sorted(folder.rglob("*")) == before

    def test_several_files_are_all_checked(self, fittool, write):
        write(("small.npz", "missing.npz"), name="data.yaml")
        write(("adam", "adm"), name="setting.yaml")
        done = fittool("check", "data.yaml", write(), "setting.yaml")
        assert done.code == 3
        assert done.out.startswith("e.yaml: ")
        assert "data.yaml:4:17: " in done.err
        assert "setting.yaml:13:14: " in done.err

    def test_every_bad_file_is_listed_once_all_are_decoded(self, fittool, write, pictures):
        path = write(*FROM_PICTURES)
        for name in ("cat/1.png", "dog/0.png", "dog/5.png"):
            (pictures / name).write_bytes((pictures / name).read_bytes()[:70])
        assert fittool("check", path).code == 0
        done = fittool("check", path, "--data")
        assert done.code == 4
        assert [name in done.err for name in ("cat/1.png", "dog/0.png", "dog/5.png", "cat/0.png")] == [True, True, True, False]

    @pytest.mark.parametrize(
        "change",
        [
            ("kernel_size: 3", "kernel_size: 9"),
            ("units: 3", "units: 2"),
            ("train:\n", "callbacks: [EarlyStopping: {monitor: val_acc}]\ntrain:\n"),
            ("train:\n", 'callbacks: [LearningRateScheduler: {schedule: "mine:rate"}]\ntrain:\n'),
            ("train:\n", "train:\n  steps_per_epoch: 9\n"),
            ("train:\n", "train:\n  class_weight: {9: 1.0}\n"),
        ],
    )
    def test_it_finds_what_training_would_find(self, fittool, write, folder, change):
        path = write(change)
        checked, trained = fittool("check", path), fittool("train", path)
        assert checked.code == trained.code == 3
        assert checked.err == trained.err
        assert not list(folder.glob("runs/*/*"))

    def test_warnings_are_told(self, fittool, write):
        done = fittool("check", write(("train:\n", "train:\n  workers: 3\n")))
        assert (done.code, "warning: e.yaml:17:3: " in done.err) == (0, True)

    def test_function_is_looked_for_but_not_called(self, fittool, write, folder):
        write(text="def batches():\n    open('called', 'w').close()\n    yield\n", name="mine.py")
        fittool("check", write(*FROM_GENERATOR))
        write(text=GENERATOR, name="mine.py")
        assert fittool("check", write(*FROM_GENERATOR)).code == 0


class TestPreview:
    @pytest.fixture
    def augmented(self, write, pictures):
        return write(*FROM_PICTURES, ("train:\n", "augmentation: {rotation_range: 30}\ntrain:\n  mode: fit_generator\n"))

    def test_sheet_has_a_row_a_sample_and_a_column_a_variant(self, fittool, augmented):
        sizes = []
        for samples, variants in ((2, 3), (4, 3), (2, 6)):
            done = fittool("preview", augmented, "--samples", samples, "--variants", variants, "--out", "sheet.png")
            assert (done.code, done.out) == (0, "sheet.png\n")
            with Image.open("sheet.png") as sheet:
                sizes.append(sheet.size)
        assert 100 < sizes[0][0] < 4000
        assert sizes[1][1] > 1.5 * sizes[0][1]
        assert sizes[2][0] > 1.3 * sizes[0][0]

    def test_sheet_shows_augmentation(self, fittool, augmented):
        for name, override in (("a.png", "augmentation.rotation_range=30"), ("b.png", "augmentation.rotation_range=0")):
            fittool("preview", augmented, "--set", override, "--out", name)
        first, second = (np.asarray(Image.open(name).convert("L")) for name in ("a.png", "b.png"))
        assert first.shape != second.shape or (first != second).mean() > 0.01

    def test_sheet_is_always_the_same(self, fittool, augmented, folder):
        for name in ("a.png", "b.png"):
            fittool("preview", augmented, "--out", name)
        assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()

    def test_table_has_no_pictures(self, fittool, write):
        write(text="a,b\n1,0\n2,1\n", name="t.csv")
        done = fittool("preview", write(("npz: {path: small.npz}", "csv: {path: t.csv, label: b}")))
        assert (done.code, "A preview needs images" in done.err) == (3, True)


def test_schema_is_a_json_schema_of_objects(fittool):
    schema = json.loads(fittool("schema").out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"data", "model", "compile", "train"} <= set(schema["properties"])
    defined = set(schema["$defs"])
    assert {reference.removeprefix("#/$defs/") for reference in references(schema)} <= defined


def references(schema):
    """Every `$ref` in a schema."""
    if isinstance(schema, dict):
        yield from ([schema["$ref"]] if isinstance(schema.get("$ref"), str) else [])
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from references(part)


def test_doctor_names_versions_and_engine(fittool):
    done = fittool("doctor")
    assert done.code == 0
    assert f"fittool           {__version__}" in done.out
    assert f"numpy             {np.__version__}" in done.out
    assert "engine numpy      ready" in done.out
    assert "BLAS" in done.out
    assert "processor         " in done.out


def test_doctor_tells_each_extra_and_what_it_is_for(fittool):
    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras)
    said = fittool("doctor").out
    for name, requirements in extras.items():
        (line,) = [line for line in said.splitlines() if line.startswith(f"extra {name} ")]
        purpose, packages = EXTRAS[name]
        assert line.endswith(f", for {purpose}")
        needed = {re.split(r"[\[>=]", requirement)[0] for requirement in requirements}
        assert set(packages) <= needed
        there = all(_is_there(package) for package in packages)
        assert ("there (" in line, f"pip install 'fittool[{name}]'" in line) == (there, not there)


def _is_there(package):
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.mark.parametrize(
    ("asked", "threads"),
    [("1", 1), ("3", 3), ("2,4", 2), (" 5 ", 5), ("0", None), ("", None), ("-1", None), ("many", None), ("99999", None)],
)
def test_threads_are_those_that_the_environment_names(fittool, small, monkeypatch, asked, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    wanted = available_threads() if threads is None else threads
    environment = json.loads((fittool("train", small).run.path / "environment.json").read_text())
    assert environment["threads"] == wanted
    assert f"ready, {wanted} thread" in fittool("doctor").out
    given = fittool("train", small, "--set", "engine={numpy: {threads: 2}}").run.path
    assert json.loads((given / "environment.json").read_text())["threads"] == 2


class TestInit:
    def test_experiment_that_is_written_loads(self, fittool, folder):
        done = fittool("init")
        assert (done.code, done.out) == (0, "experiment.yaml\n")
        assert yaml.safe_load((folder / "experiment.yaml").read_text())["train"]
        assert "fittool train experiment.yaml" in done.err

    def test_file_is_never_overwritten(self, fittool, folder):
        (folder / "mine.yaml").write_text("precious")
        done = fittool("init", "mine.yaml")
        assert (done.code, "mine.yaml is there already" in done.err) == (2, True)
        assert (folder / "mine.yaml").read_text() == "precious"

    @pytest.mark.parametrize("data", ["pictures", "small.npz", "table.csv"])
    def test_experiment_from_data_passes_the_check_and_trains(self, fittool, write, pictures, data):
        write()
        lines = [f"{number / 40},{number % 3},{'abc'[number % 3]}" for number in range(40)]
        write(text="\n".join(["size,rank,kind", *lines]) + "\n", name="table.csv")
        assert fittool("init", "--from", data, "new.yaml").code == 0
        assert fittool("check", "new.yaml").code == 0
        assert fittool("train", "--smoke", "new.yaml").code == 0

    def test_template_trains_where_it_was_written(self, fittool, folder):
        assert fittool("init", "--template", "digits_fit").code == 0
        assert fittool("train", "--smoke", "experiment.yaml").code == 0

    def test_unknown_template_lists_all(self, fittool, folder):
        done = fittool("init", "--template", "digit_fit")
        assert (done.code, "digits_fit" in done.err) == (2, True)
        assert list(folder.iterdir()) == []

    def test_data_and_template_exclude_each_other(self, fittool, pictures):
        assert fittool("init", "--template", "smoke", "--from", pictures).code == 2

    def test_missing_data_are_told(self, fittool, folder):
        done = fittool("init", "--from", "nowhere")
        assert (done.code, done.err) == (4, "nowhere: There is no such file or folder.\n")
        assert list(folder.iterdir()) == []


class TestShowDiff:
    """What differs from the defaults, and nothing else; the experiment is the same."""

    @pytest.mark.parametrize("name", sorted(path.name for path in (Path(__file__).parents[2] / "configs").glob("*.yaml")))
    def test_it_is_the_same_experiment(self, fittool, folder, name):
        done = fittool("show", Path(__file__).parents[2] / "configs" / name, "--diff")
        assert done.code == 0, done.err
        (folder / "diff.yaml").write_text(done.out)
        whole = fittool("show", Path(__file__).parents[2] / "configs" / name)
        assert fittool("show", "diff.yaml").out == whole.out
        assert len(done.out) < len(whole.out)

    def test_a_default_that_is_written_is_left_out(self, fittool, write):
        out = fittool("show", write(("  batch_size: 8", "  batch_size: 32")), "--diff").out
        assert "batch_size" not in out and "epochs: 2" in out
