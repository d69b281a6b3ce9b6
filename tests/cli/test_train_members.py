"""`train --seeds N` and `--kfold N`: ordinary runs below one directory, and what all of them say together."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.commands import DIVERGING, FROM_PICTURES, LIMIT, SMALL, Done, Fittool, Write, environment, wait_for, weights

from fittool.runs.directory import RunDirectory

EPOCHS = ("--set", "train.epochs=1", "--verbose", "0")


def members(done: Done) -> list[RunDirectory]:
    folder = Path(done.out.splitlines()[-1])
    return [RunDirectory.open(folder / name) for name in json.loads((folder / "ensemble.json").read_text())["members"]]


def samples(run: RunDirectory) -> list[str]:
    with run.paths.validation.open() as file:
        return [row["sample"] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folds and three seeds of the small experiment, trained once for all tests that only read them."""
    folder = tmp_path_factory.mktemp("trained")
    images = np.random.default_rng(0).integers(0, 256, (48, 6, 6, 1), dtype=np.uint8)
    np.savez(folder / "small.npz", x=images, y=np.arange(48) % 3)
    (folder / "e.yaml").write_text(SMALL)
    for option in ("--kfold", "--seeds"):
        command = [sys.executable, "-m", "fittool", "train", "e.yaml", option, "3", "--run-dir", option[2:], *EPOCHS]
        subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)
    return folder


@pytest.fixture
def trained(trained_once: Path, folder: Path) -> Path:
    """A copy of these, in the working directory."""
    shutil.copytree(trained_once, folder, dirs_exist_ok=True)
    return folder


def names(folder: str) -> list[str]:
    return json.loads(Path(folder, "ensemble.json").read_text())["members"]


def test_seeds_are_ordinary_runs(fittool: Fittool, small: Path):
    done = fittool("train", small, "--seeds", 2, *EPOCHS)
    assert done.code == 0
    assert [run.path.name for run in members(done)] == ["seed-7", "seed-8"]
    alone = fittool("train", small, "--set", "seed=8", *EPOCHS)
    assert weights(members(done)[1]) == weights(alone.run)


def test_the_mean_and_deviation_are_told_and_kept(fittool: Fittool, trained: Path):
    values = [RunDirectory.open(Path("seeds", name)).metrics.rows()[0]["val_loss"] for name in names("seeds")]
    kept = json.loads(Path("seeds/ensemble.json").read_text())["results"]["val_loss"]
    assert kept == {"mean": float(np.mean(values)), "deviation": float(np.std(values)), "values": values}
    done = fittool("train", "e.yaml", "--seeds", 3, "--run-dir", "seeds", "--resume", *EPOCHS)
    assert f"val_loss {np.mean(values):.4f} ± {np.std(values):.4f}" in done.err
    assert done.out == "seeds\n"


def test_seeds_are_validated_on_the_same_samples(fittool: Fittool, write: Write):
    config = write(("{npz: {path: small.npz}}", "{npz: {path: small.npz}}\n  validation: {split: {kind: random}}"),
                   ("  validation_split: 0.25\n", ""))  # fmt: skip
    first, second = members(fittool("train", config, "--seeds", 2, *EPOCHS))
    assert samples(first) == samples(second)
    assert weights(first) != weights(second)


def test_folds_validate_each_sample_once(trained: Path):
    parts = [samples(RunDirectory.open(Path("kfold", name))) for name in names("kfold")]
    assert list(map(len, parts)) == [16, 16, 16]
    assert len({sample for part in parts for sample in part}) == 48


@pytest.mark.long
def test_folds_of_a_folder_of_pictures(fittool: Fittool, write: Write, pictures: Path):
    done = fittool("train", write(*FROM_PICTURES), "--kfold", 3, *EPOCHS)
    assert done.code == 0
    for run in members(done):
        assert sorted(name.partition("/")[0] for name in samples(run)) == ["cat", "cat", "dog", "dog"]


def test_folds_keep_groups_whole(fittool: Fittool, write: Write):
    config = write(("{npz: {path: small.npz}}", "{npz: {path: small.npz}}\n  validation: {split: {kind: group, group: patient}}"),
                   ("  validation_split: 0.25\n", ""))  # fmt: skip
    arrays = dict(np.load("small.npz"))
    np.savez("small.npz", **arrays, patient=np.arange(48) // 6)
    for run in members(fittool("train", config, "--kfold", 2, *EPOCHS)):
        numbers = [int(name.rpartition("[")[2].rstrip("]")) for name in samples(run)]
        assert sorted(numbers) == sorted(
            number for group in {number // 6 for number in numbers} for number in range(6 * group, 6 * group + 6)
        )


def test_validation_data_that_folds_do_not_use_are_told(fittool: Fittool, write: Write):
    config = write(("{npz: {path: small.npz}}", "{npz: {path: small.npz}}\n  validation: {npz: {path: small.npz}}"),
                   ("  validation_split: 0.25\n", ""))  # fmt: skip
    done = fittool("train", config, "--kfold", 2, *EPOCHS)
    assert done.code == 0
    assert "warning: Folds are parts of data.train; data.validation (e.yaml:5:3) is not used." in done.err


@pytest.mark.parametrize("split", ["{kind: time, column: day}", "{kind: column, column: part}"])
def test_folds_do_not_undo_a_split_with_a_meaning(fittool: Fittool, write: Write, split: str):
    config = write(("{npz: {path: small.npz}}", f"{{npz: {{path: small.npz}}}}\n  validation: {{split: {split}}}"),
                   ("  validation_split: 0.25\n", ""))  # fmt: skip
    done = fittool("train", config, "--kfold", 2)
    assert done.code == 3
    assert "e.yaml:5:16: --kfold would" in done.err
    assert not Path("runs").exists()


@pytest.mark.long
def test_folds_of_a_training_in_stages(fittool: Fittool, write: Write):
    stages = "train:\n  - {epochs: 1, validation_split: 0.25}\n  - {epochs: 1}\n"
    config = write(("train:\n  epochs: 2\n  batch_size: 8\n  validation_split: 0.25\n", stages))
    assert fittool("train", config, "--kfold", 2, "--verbose", 0).code == 0


def test_going_on_gives_the_same_numbers(fittool: Fittool, start: Callable[..., subprocess.Popen[str]], write: Write):
    config = write(("epochs: 2", "epochs: 30"))
    whole = members(fittool("train", config, "--kfold", 3, "--run-dir", "whole", "--verbose", 0))
    process = start("train", config, "--kfold", 3, "--run-dir", "torn", "--verbose", 0)
    wait_for(lambda: (Path("torn/fold-1/metrics.jsonl")).exists(), process)
    process.kill()
    process.wait()
    wait_for(lambda: fittool("verify", "torn/fold-1").code != 8)  # the child ends by itself
    torn = fittool("train", config, "--kfold", 3, "--run-dir", "torn", "--resume", "--verbose", 0)
    assert torn.code == 0
    for left, right in zip(whole, members(torn), strict=True):
        assert weights(left) == weights(right)
    assert json.loads(Path("torn/ensemble.json").read_text()) == json.loads(Path("whole/ensemble.json").read_text())


def test_a_finished_series_is_left_as_it_is_and_more_seeds_may_follow(fittool: Fittool, trained: Path):
    before = {path: path.read_bytes() for path in Path("seeds").rglob("*.safetensors")}
    done = fittool("train", "e.yaml", "--seeds", 4, "--run-dir", "seeds", "--resume", *EPOCHS)
    assert [run.path.name for run in members(done)] == ["seed-7", "seed-8", "seed-9", "seed-10"]
    assert before.items() <= {path: path.read_bytes() for path in Path("seeds").rglob("*.safetensors")}.items()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", 2), "is not empty. Add --resume"),
        (("--seeds", 2, "--resume"), "holds other runs: fold-0, fold-1"),
        (("--kfold", 2, "--resume"), "holds other runs: fold-0, fold-1, fold-2"),
        (("--kfold", 3, "--seeds", 2), "Give one of the two"),
        (("--kfold", 1), "is not in the range"),
        (("--resume", "--smoke", "--kfold", 2), "nothing to --resume"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(fittool: Fittool, trained: Path, arguments: tuple[object, ...], message: str):
    done = fittool("train", "e.yaml", "--run-dir", "kfold", *arguments)
    assert done.code == 2
    assert message in done.err


def test_a_folder_with_other_things_is_refused(fittool: Fittool, small: Path):
    Path("r").mkdir()
    Path("r/letter.txt").write_text("dear")
    done = fittool("train", small, "--kfold", 2, "--run-dir", "r", "--resume")
    assert done.code == 2
    assert "letter.txt" in done.err


def test_a_member_that_diverges_does_not_end_the_others(fittool: Fittool, small: Path):
    done = fittool("train", small, "--seeds", 2, *DIVERGING, "--verbose", 0)
    assert done.code == 9
    assert done.err.count("diverged") >= 2
    assert "Go on with: fittool train" in done.err


def test_what_is_wrong_with_all_is_told_once(fittool: Fittool, small: Path):
    done = fittool("train", small, "--kfold", 20, "--verbose", 0)  # 48 samples of 3 classes
    assert done.code == 4
    assert done.err.count("4  -") == 1
    assert not list(Path("runs").glob("small/*"))


def test_a_requirement_is_on_the_mean(fittool: Fittool, small: Path):
    done = fittool("train", small, "--seeds", 2, "--require", "val_loss<0.0001", *EPOCHS)
    assert done.code == 11
    mean = json.loads((members(done)[0].path.parent / "ensemble.json").read_text())["results"]["val_loss"]["mean"]
    assert f"val_loss is {mean:.6g}" in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_member_at_work(start: Callable[..., subprocess.Popen[str]], write: Write, number: int):
    config = write(("epochs: 2", "epochs: 1000000"))
    process = start("train", config, "--seeds", 2, "--run-dir", "r", "--verbose", 0)
    wait_for(lambda: Path("r/seed-7/checkpoints/last.safetensors").exists(), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == -number
    assert RunDirectory.open(Path("r/seed-7")).read_status().state == "interrupted"
    assert "Go on with: fittool train e.yaml --seeds 2 --run-dir r --verbose 0 --resume" in err
    assert not Path("r/seed-8").exists()


def test_a_member_ends_with_a_checkpoint_when_its_call_is_killed(
    start: Callable[..., subprocess.Popen[str]], write: Write, fittool: Fittool
):
    config = write(("epochs: 2", "epochs: 1000000"))
    process = start("train", config, "--seeds", 2, "--run-dir", "r", "--verbose", 0)
    wait_for(lambda: Path("r/seed-7/checkpoints/last.safetensors").exists(), process)
    process.kill()
    process.communicate(timeout=LIMIT)
    write(("epochs: 2", "epochs: 3"))  # at once: the call waits until the member is saved
    done = fittool("train", config, "--seeds", 2, "--run-dir", "r", "--resume", "--verbose", 0, "--accept-changes")
    assert done.code == 0
    assert "interrupted" not in done.err


def test_a_time_limit_is_for_all_together(fittool: Fittool, write: Write):
    config = write(("epochs: 2", "epochs: 100000"))
    done = fittool("train", config, "--kfold", 2, "--run-dir", "r", "--timeout", "3s", "--verbose", 0)
    assert done.code == 75
    assert not Path("r/fold-1").exists()


@pytest.mark.long
def test_events_of_all_members_go_out(start: Callable[..., subprocess.Popen[str]], small: Path):
    out, _ = start("train", small, "--seeds", 2, "--events").communicate()
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events].count("run") == 2


def test_a_trial_leaves_nothing(fittool: Fittool, small: Path):
    done = fittool("train", small, "--kfold", 2, "--smoke", "--verbose", 0)
    assert done.code == 0
    assert done.out == ""
    assert not Path("runs").exists()


def test_folds_are_evaluated_over_all_samples(fittool: Fittool, trained: Path):
    done = fittool("evaluate", "kfold")
    assert done.code == 0
    values = dict(line.split() for line in done.out.splitlines())
    rows = list(csv.DictReader(fittool("predict", "kfold", "--on", "validation").out.splitlines()))
    assert len({row["input"] for row in rows}) == len(rows) == 48
    right = sum(row["prediction"] == row["truth"] for row in rows)
    assert float(values["accuracy"]) == pytest.approx(right / 48, abs=1e-6)
    kept = json.loads(Path("kfold/evaluation.json").read_text())
    assert kept["samples"] == 48
    alone = [float(fittool("evaluate", f"kfold/{name}").out.splitlines()[0].split()[1]) for name in names("kfold")]
    assert kept["members"]["loss"]["values"] == pytest.approx(alone, rel=1e-4)
    assert kept["metrics"]["loss"]["value"] == pytest.approx(np.mean(alone), rel=1e-4)  # folds of 16 samples each


def test_each_fold_answers_for_what_it_has_not_seen(fittool: Fittool, trained: Path):
    together = list(csv.DictReader(fittool("predict", "kfold", "--on", "validation").out.splitlines()))
    for number, name in enumerate(names("kfold")):
        alone = list(csv.DictReader(fittool("predict", f"kfold/{name}", "--on", "validation").out.splitlines()))
        assert [{**row, "fold": str(number)} for row in alone] == [row for row in together if row["fold"] == str(number)]


@pytest.mark.parametrize("kind", ["kfold", "seeds"])
def test_the_answers_for_other_data_are_the_mean(fittool: Fittool, trained: Path, kind: str):
    outputs = []
    for path in [*(f"{kind}/{name}" for name in names(kind)), kind]:
        assert fittool("predict", path, "small.npz", "--out", "p.npz").code == 0
        outputs.append(np.load("p.npz")["output"])
    np.testing.assert_allclose(outputs[3], np.mean(outputs[:3], axis=0), rtol=1e-6)


def test_the_mean_of_logits_is_that_of_probabilities(fittool: Fittool, write: Write):
    config = write(
        (", activation: softmax", ""),
        ("sparse_categorical_crossentropy", "{sparse_categorical_crossentropy: {from_logits: true}}"),
    )
    trained = fittool("train", config, "--seeds", 2, *EPOCHS)
    rows = [
        list(csv.DictReader(fittool("predict", path, "small.npz").out.splitlines()))
        for path in [*(run.path for run in members(trained)), members(trained)[0].path.parent]
    ]
    for first, second, both in zip(*rows, strict=True):
        for name in "012":
            assert float(both[name]) == pytest.approx((float(first[name]) + float(second[name])) / 2, abs=1e-6)


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_folds_are_not_asked_for_what_they_have_learnt_from(fittool: Fittool, trained: Path, command: str):
    done = fittool(command, "kfold", "--on", "train")
    assert done.code == 2
    assert "each has learnt from what others were validated on" in done.err


def test_seeds_are_evaluated_together(fittool: Fittool, trained: Path):
    done = fittool("evaluate", "seeds")
    assert done.code == 0
    assert json.loads(Path("seeds/evaluation.json").read_text())["samples"] == 12
    assert "Mean and standard deviation of 3 runs" in done.err


def test_a_temperature_is_chosen_for_one_run(fittool: Fittool, trained: Path):
    done = fittool("evaluate", "seeds", "--calibrate")
    assert done.code == 2
    assert "--calibrate chooses for one run" in done.err


def test_the_newest_series_is_the_latest(fittool: Fittool, small: Path):
    folder = members(fittool("train", small, "--seeds", 2, *EPOCHS))[0].path.parent
    assert Path("runs/small/latest").resolve() == folder.resolve()
    assert fittool("predict", "runs/small/latest", "small.npz").code == 0


def test_an_unfinished_series_is_not_used(fittool: Fittool, trained: Path):
    status = Path("seeds/seed-8/status.json")
    status.write_text(status.read_text().replace('"completed"', '"interrupted"'))
    done = fittool("predict", "seeds", "small.npz")
    assert done.code == 5
    assert "seed-8 is interrupted" in done.err
