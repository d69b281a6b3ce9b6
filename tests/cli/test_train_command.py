from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli.commands import DIVERGING, FROM_GENERATOR, FROM_PICTURES, GENERATOR, weights

from fittool.report.live_page import extra_is_there

GENERATED = ("--set", "train.mode=fit_generator")


def test_last_line_on_stdout_is_the_run_directory(fittool, small):
    done = fittool("train", small)
    assert re.fullmatch(r"runs/small/\d{8}-\d{6}-[0-9a-f]{4}\n", done.out)
    assert done.code == 0
    assert done.run.read_status().state == "completed"


FILES = {
    ".lock", "checkpoints/best.safetensors", "checkpoints/last.safetensors", "checkpoints/previous.safetensors",
    "classes.json", "environment.json", "experiment.yaml", "history.csv", "inputs.json", "metrics.jsonl", "run.log",
    "status.json", "validation.csv",
}  # fmt: skip


@pytest.mark.parametrize("view_metrics", ["false", "auto"])
def test_run_directory_holds_what_the_interface_promises(fittool, small, monkeypatch, view_metrics):
    monkeypatch.setenv("FITTOOL_VIEW_METRICS", view_metrics)
    run = fittool("train", small).run
    files = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    plots = {f"plots/{name}.png" for name in ("loss", "accuracy", "learning_rate", "confusion", "reliability")}
    pages = {"report.html", "evaluation.json", "baselines.json", *plots}
    assert files == (FILES | pages if view_metrics == "auto" and extra_is_there() else FILES)


def test_environment_says_what_was_run(fittool, small):
    fittool("train", small, "--quiet", "--run-dir", "here")
    environment = json.loads(Path("here/environment.json").read_text())
    assert environment["command"] == ["fittool", "train", "e.yaml", "--quiet", "--run-dir", "here"]
    assert (environment["engine"], environment["seed"]) == ("numpy", 7)
    assert set(environment["data"]) == {"train", "validation"}


def test_rows_have_keras_names_and_count_epochs_from_1(fittool, small):
    rows = fittool("train", small).run.metrics.rows()
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds", "examples_per_second"} < set(rows[0])


def test_history_table_has_the_rows_of_the_metrics(fittool, small):
    run = fittool("train", small).run
    head, *lines = run.paths.history.read_text().splitlines()
    assert head.split(",") == list(run.metrics.rows()[0])
    assert [float(line.split(",")[head.split(",").index("val_loss")]) for line in lines] == [
        row["val_loss"] for row in run.metrics.rows()
    ]


def test_class_names_are_recorded(fittool, write, pictures):
    run = fittool("train", write(*FROM_PICTURES)).run
    assert run.read_classes() == ("cat", "dog") == run.checkpoints.load("last.safetensors").facts.class_names


@pytest.mark.parametrize("mode", ["fit", "fit_generator"])
def test_same_seed_twice_gives_the_same_bytes(fittool, small, mode):
    first, second = (fittool("train", small, "--set", f"train.mode={mode}").run for _ in range(2))
    assert weights(first) == weights(second)
    assert weights(first, "best") == weights(second, "best")


def test_other_seed_gives_other_weights(fittool, small):
    first, second = (fittool("train", small, "--set", f"seed={seed}").run for seed in (7, 8))
    assert weights(first).keys() == weights(second).keys()
    assert weights(first)["weights/dense/kernel"] != weights(second)["weights/dense/kernel"]


def test_number_of_workers_changes_nothing(fittool, write):
    augmented = write(("train:\n  epochs", "augmentation: {rotation_range: 20, zoom_range: 0.2}\ntrain:\n  epochs"))
    runs = [fittool("train", augmented, *GENERATED, "--set", f"train.workers={workers}").run for workers in (0, 1, 4)]
    assert weights(runs[0]) == weights(runs[1]) == weights(runs[2])


def test_number_of_threads_changes_nothing(fittool, small):
    runs = [fittool("train", small, "--set", f"engine={{numpy: {{threads: {threads}}}}}").run for threads in (1, 3)]
    assert weights(runs[0]) == weights(runs[1])


def test_augmentation_changes_the_weights(fittool, write):
    plain = fittool("train", write(), *GENERATED).run
    augmented = write(("train:\n  epochs", "augmentation: {rotation_range: 20}\ntrain:\n  epochs"))
    assert weights(plain) != weights(fittool("train", augmented, *GENERATED).run)


def test_fit_and_fit_generator_give_the_same_weights(fittool, small):
    assert weights(fittool("train", small).run) == weights(fittool("train", small, *GENERATED).run)


def test_fit_and_fit_generator_of_a_folder_give_the_same_weights(fittool, write, pictures):
    path = write(*FROM_PICTURES)
    cached = fittool("train", path, *GENERATED, "--set", "data.cache=ram").run
    assert weights(fittool("train", path).run) == weights(fittool("train", path, *GENERATED).run) == weights(cached)


def test_set_overrides_the_file(fittool, small):
    run = fittool("train", small, "--set", "train.epochs=3", "--set", "model.layers.4.Dense.units=5").run
    assert len(run.metrics.rows()) == 3
    assert run.checkpoints.load("last.safetensors").tensors["weights/dense/bias"].shape == (5,)


def test_smoke_run_leaves_nothing(fittool, small, folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
    (folder / "temporary").mkdir()
    before = sorted(folder.rglob("*"))
    done = fittool("train", small, "--smoke")
    assert (done.code, done.out, sorted(folder.rglob("*"))) == (0, "", before)


def test_smoke_run_that_fails_leaves_nothing_and_names_nothing(fittool, small, folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
    (folder / "temporary").mkdir()
    done = fittool("train", small, "--smoke", *DIVERGING)
    assert (done.code, list((folder / "temporary").iterdir())) == (9, [])
    assert "The run is in" not in done.err


def test_smoke_run_keeps_a_directory_that_was_given(fittool, small):
    run = fittool("train", small, "--smoke", "--run-dir", "kept").run
    assert run.path.name == "kept"
    assert [(row["epoch"]) for row in run.metrics.rows()] == [1]
    assert run.checkpoints.load("last.safetensors").facts.step == 2


def test_quiet_prints_nothing(fittool, write):
    path = write(("train:\n", "train:\n  workers: 3\n"))
    assert "warning" in fittool("check", path).err
    done = fittool("train", path, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_quiet_still_tells_errors(fittool, small):
    assert "Did you mean Adam?" in fittool("train", small, "--quiet", "--set", "compile.optimizer=adm").err


def test_verbose_0_prints_the_run_directory_alone(fittool, small):
    done = fittool("train", small, "--verbose", "0")
    assert (done.out.count("\n"), done.err) == (1, "")


def test_verbose_2_prints_a_line_an_epoch(fittool, small):
    lines = fittool("train", small, "--verbose", "2").err.splitlines()
    assert [line[:3] for line in lines][:7] == ["cla", "inp", "sma", "1/2", "2/2", "Fin", "Nex"]
    assert "val_accuracy" in lines[3]


def test_auto_is_a_line_an_epoch_off_a_terminal(fittool, small):
    said = [re.sub(r"[\d.]+ m?s|runs/.*", "", fittool("train", small, *verbose).err) for verbose in ([], ["--verbose", "2"])]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("option", "written", "variable", "lines"),
    [
        (["--quiet"], 2, "2", 0),
        (["--quiet", "--verbose", "2"], 2, "2", 0),
        (["--verbose", "2"], 0, "0", 7),
        ([], 0, "2", 0),
        ([], 2, "0", 7),
        ([], "auto", "0", 0),
        ([], "auto", None, 7),
    ],
)
def test_strength_of_verbosity(fittool, write, monkeypatch, option, written, variable, lines):
    if variable is not None:
        monkeypatch.setenv("FITTOOL_VERBOSE", variable)
    path = write(("train:\n", f"train:\n  verbose: {written}\n"))
    said = [line for line in fittool("train", path, *option).err.splitlines() if not line.startswith("      fittool report ")]
    assert len(said) == lines


@pytest.mark.parametrize("command", ["train", "check"])
def test_verbosity_of_the_environment_must_be_one(fittool, small, monkeypatch, command):
    monkeypatch.setenv("FITTOOL_VERBOSE", "7")
    done = fittool(command, small)
    assert (done.code, done.err) == (2, "error: FITTOOL_VERBOSE must be auto, 0, 1 or 2, got 7.\n")


def test_run_log_has_what_the_terminal_showed(fittool, small):
    done = fittool("train", small)
    logged = [line.split(" ", 1)[1] for line in done.run.paths.log.read_text().splitlines()]
    assert set(logged) <= set(done.err.splitlines())
    assert [line[:3] for line in logged][:6] == ["cla", "inp", "1/2", "2/2", "Fin", "Nex"]


def test_requirement_that_is_met(fittool, small):
    assert fittool("train", small, "--require", "val_loss<100", "--require", "accuracy>=0").code == 0


def test_requirement_that_is_missed_keeps_the_run(fittool, small):
    done = fittool("train", small, "--require", "val_accuracy>=1.5")
    assert done.code == 11
    assert "val_accuracy>=1.5 is required" in done.err
    assert done.run.read_status().state == "completed"


@pytest.mark.parametrize(
    ("text", "said"), [("val_acc>=0.9", "Did you mean val_accuracy?"), ("val_accuracy=0.9", "must have the form METRIC>=VALUE")]
)
def test_wrong_requirement_is_told_before_training(fittool, small, folder, text, said):
    done = fittool("train", small, "--require", text)
    assert (done.code, said in done.err) == (2, True)
    assert not (folder / "runs").exists()


def test_run_directory_that_is_not_empty_is_refused(fittool, small):
    fittool("train", small, "--run-dir", "here")
    done = fittool("train", small, "--run-dir", "here")
    assert done.code == 2
    assert "here: is not empty. Add --resume" in done.err


def test_run_directory_that_was_empty_stays_empty_after_a_mistake(fittool, write, folder):
    (folder / "here").mkdir()
    wrong = write(("small.npz", "missing.npz"))
    assert fittool("train", wrong, "--run-dir", "here").code == 4
    assert list((folder / "here").iterdir()) == []
    assert fittool("train", write(), "--run-dir", "here").code == 0


def test_engine_option_is_the_engine_of_the_file(fittool, small):
    assert fittool("train", small, "--engine", "numpy").code == 0
    done = fittool("train", small, "--engine", "nunpy")
    assert "Did you mean numpy?" in done.err
    assert done.code == 2


def test_resolved_experiment_of_a_run_trains_to_the_same_weights(fittool, small):
    first = fittool("train", small).run
    assert weights(first) == weights(fittool("train", first.paths.experiment).run)


def test_generator_of_a_user_trains(fittool, write):
    write(text=GENERATOR, name="mine.py")
    run = fittool("train", write(*FROM_GENERATOR)).run
    assert run.checkpoints.load("last.safetensors").facts.step == 10


def test_overfit_says_whether_it_could_be_learnt_and_what_comes_next(fittool, small):
    done = fittool("train", small, "--overfit", "1")
    assert done.code == 0
    assert re.search(r"^overfit: the batch was learnt by heart in \d+ steps: val_accuracy 1.0000", done.err, re.MULTILINE)
    assert done.err.splitlines()[-1] == "Next: fittool train e.yaml"
    assert done.out.startswith("runs/small-overfit/")


def test_overfit_is_no_smoke_run(fittool, small):
    assert fittool("train", small, "--overfit", "1", "--smoke").code == 2


def test_profile_tells_where_the_time_went_and_keeps_it(fittool, small):
    done = fittool("train", small, "--profile")
    assert done.code == 0
    assert [line.split()[0] for line in done.err.splitlines() if line.startswith("  ") and "%" in line][:2] == ["data", "forward"]
    assert (done.run.paths.root / "profile.json").exists()
    assert fittool("verify", done.run.path).code == 0
