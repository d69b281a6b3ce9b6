"""Training in several processes, through the command: the same numbers, one end for all, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from faults.jobs import GENERATED, STEPS, Job, difference

from fittool.config.experiment_file import load_experiment
from fittool.experiment.train import TrainOptions, train_experiment
from fittool.runs.directory import RunDirectory

pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time to start three Pythons with PyTorch
Make = Callable[..., Job]
ROUNDING = 2e-6
"""What the order of float32 sums may change in weights of about 1 in 64 steps."""


def alone(job: Job, directory: str = "alone") -> RunDirectory:
    """The same experiment, trained in one process: this one."""
    run = train_experiment(load_experiment(job.folder / "e.yaml"), TrainOptions(job.folder / directory, quiet=True))
    return RunDirectory.open(run.directory)


def values(rows: list[dict[str, float]], name: str) -> list[float]:
    return [row[name] for row in rows]


def test_any_number_of_processes_gives_the_weights_of_one(job: Make) -> None:
    """2, then 1, then 3 processes, going on with the same run: dropout, a penalty, uneven last batches."""
    many = job()
    one = alone(many)
    done = many.train("--devices", "2", "--set", "train.epochs=2")
    assert done.code == 0, done.err
    longer = load_experiment(many.folder / "e.yaml", ["train.epochs=3"])
    train_experiment(longer, TrainOptions(many.run, quiet=True, resume=True))
    done = many.train("--devices", "3", "--resume")
    assert done.code == 0, done.err
    assert difference(many.last(), one.checkpoints.load("last.safetensors")) < ROUNDING
    rows, expected = many.rows(), list(one.metrics.rows())
    for name in ("accuracy", "val_accuracy"):
        assert values(rows, name) == values(expected, name)  # sums of whole numbers: every sample once, to the last digit
    for name in ("loss", "val_loss"):
        assert values(rows, name) == pytest.approx(values(expected, name), rel=1e-6)
    assert [round(101 * row["val_accuracy"], 9) % 1 for row in rows] == [0] * 4
    changed = [entry["changed"]["processes"] for entry in json.loads((many.run / "environment.json").read_text())["resumed"]]
    assert changed == [[2, 1], [1, 3]]
    assert "not bit-identical: processes 1 → 3" in done.err
    assert "   3 processes, each torch " in done.err


STAGES = (
    ("    - Dense: {units: 12, activation: relu}", "    - Dense: {units: 12, activation: relu, name: late}"),
    ("SGD: {learning_rate: 0.05}", "Adam: {learning_rate: 0.01}"),
    ("train: {mode: fit, epochs: 4, ", "train: [{mode: fit, epochs: 1, trainable: dense, "),
    ("view_metrics: false}", "view_metrics: false}, {epochs: 2, batch_size: 20, validation_split: 0.25}]"),
)


@pytest.mark.long
def test_a_layer_that_joins_late_is_counted_alike_by_all(job: Make) -> None:
    many = job(*STAGES)
    one = alone(many)
    done = many.train("--devices", "2")
    assert done.code == 0, done.err
    tensors = many.last().tensors
    assert int(tensors["optimizer/updates/late/kernel"]) == 2 * STEPS
    assert difference(many.last(), one.checkpoints.load("last.safetensors")) < 20 * ROUNDING  # Adam magnifies them


NETWORK = """\
    - Conv2D: {filters: 4, kernel_size: 3, padding: same}
    - BatchNormalization: {momentum: 0.9}
    - ReLU
    - Flatten
    - Dense: {units: 3, activation: softmax}
"""
IMAGES = (
    ("{torch: {device: cpu}}", "{torch: {device: cpu, synchronized_batch_normalization: true}}"),
    ("samples: 404", "samples: 83"),
    ("    - Flatten\n    - Dense: {units: 12, activation: relu}\n    - Dropout: {rate: 0.2}\n", ""),
    ("    - Dense: {units: 3, activation: softmax, kernel_regularizer: {L2: {l2: 0.001}}}\n", NETWORK),
    ("mode: fit, epochs: 4", "mode: fit_generator, class_weight: balanced, epochs: 2"),
    ("model:", "augmentation: {rotation_range: 20, mixup: 0.2}\nmodel:"),
    ("sparse_categorical_crossentropy", "categorical_crossentropy"),
)


@pytest.mark.long
def test_batches_that_are_mixed_and_normalized_are_those_of_all(job: Make) -> None:
    """62 samples in batches of 20 leave 2 for the last one, so that one of three processes has none of it."""
    many = job(*IMAGES)
    one = alone(many)
    done = many.train("--devices", "3")
    assert done.code == 0, done.err
    assert difference(many.last(), one.checkpoints.load("last.safetensors")) < ROUNDING
    assert values(many.rows(), "accuracy") == values(list(one.metrics.rows()), "accuracy")


TABLE = (
    ("{synthetic: {samples: 404, shape: [4, 4, 1], classes: 3}}", "{csv: {path: t.csv, label: kind}}"),
    ("    - Rescaling: {scale: 1/255}\n    - Flatten\n", ""),
    ("epochs: 4, batch_size: 20, validation_split: 0.25", "epochs: 1, batch_size: 20"),
)


def test_a_table_that_was_changed_is_read_as_the_run_has_learnt_it(job: Make) -> None:
    """A follower that looked at the columns anew would have a feature more than the leader, and a network of another shape."""
    many = job(*TABLE)
    rows = [f"{number % 7},{('red', 'blue', 'green')[number % 3]},{'abc'[number % 3]}" for number in range(90)]
    (many.folder / "t.csv").write_text("\n".join(["size,colour,kind", *rows]))
    done = many.train("--devices", "2")
    assert done.code == 0, done.err
    more = [row.replace("red", "violet") if number % 2 else row for number, row in enumerate(rows)]
    (many.folder / "t.csv").write_text("\n".join(["size,colour,kind", *more]))
    done = many.train("--devices", "2", "--resume", "--accept-changes", "--set", "train.epochs=2")
    assert done.code == 0, done.err
    assert len(many.rows()) == 2
    assert many.last().tensors["weights/dense/kernel"].shape == (4, 12)  # a number and the three colours of the first training


@pytest.mark.long
def test_the_leader_alone_writes_and_shows(job: Make) -> None:
    many = job()
    with (many.folder / "e.yaml").open("a") as file:
        file.write("callbacks: [CSVLogger: {filename: log.csv}, ModelCheckpoint: {filepath: kept.safetensors}]\n")
    done = many.train("--devices", "2", "--set", "train.epochs=2", "--require", "val_accuracy>=2")
    assert done.code == 11
    assert done.err.count("2/2  loss") == 1
    assert done.err.count("val_accuracy>=2 is required") == 1 and "rank" not in done.err
    assert done.out.splitlines() == ["run"]
    assert len((many.run / "log.csv").read_text().splitlines()) == 3
    assert len(many.rows()) == 2


@pytest.mark.parametrize(
    ("fault", "code", "step"),
    [
        pytest.param("0:on_train_batch_end:20:SIGINT", 130, 21, marks=pytest.mark.long),
        pytest.param("0:on_train_batch_begin:0:SIGTERM", 143, 1, marks=pytest.mark.long),
        ("launcher:on_test_batch_end:8:SIGHUP", 129, 2 * STEPS),
        ("1:saving:0:SIGTERM", 143, None),
    ],
)
def test_a_signal_to_one_saves_and_ends_all_at_one_step(job: Make, fault: str, code: int, step: int | None) -> None:
    many = job(hooks=True)
    done = many.train("--devices", "2", fault=fault)
    assert done.code == 128 - code, done.err
    status = many.status()
    assert (status["state"], status["exit_code"], status["step"]) == ("interrupted", code, many.last().facts.step)
    assert step is None or abs(status["step"] - step) <= 1  # a signal to the launcher takes its time to all
    assert done.err.count("Stopped by SIG") == 1 and "Traceback" not in done.err


KILLED = "1:on_train_batch_end:40:SIGKILL"


def test_a_killed_process_ends_all_and_they_go_on_by_themselves(job: Make) -> None:
    many = job(hooks=True)
    done = many.train("--devices", "2", "--max-restarts", "2", fault=KILLED)
    assert done.code == 0, done.err
    assert done.err.count("was ended by SIGKILL") == 1 and "rank 1: Process" in done.err and "Traceback" not in done.err
    assert "Starting the 2 processes again (1 of 2)." in done.err
    assert [row["epoch"] for row in many.rows()] == [1, 2, 3, 4]
    assert difference(many.last(), alone(many).checkpoints.load("last.safetensors")) < ROUNDING


@pytest.mark.long
def test_a_killed_process_leaves_the_last_checkpoint(job: Make) -> None:
    many = job(hooks=True)
    done = many.train("--devices", "2", fault=KILLED)
    assert done.code == 137
    assert done.err.count("was ended by SIGKILL") == 1 and "Go on with: fittool resume" in done.err
    assert many.last().facts.step == 2 * STEPS
    assert many.train("--devices", "2", "--resume").code == 0
    assert difference(many.last(), alone(many).checkpoints.load("last.safetensors")) < ROUNDING


def test_a_process_that_raises_ends_all_with_its_message(job: Make) -> None:
    many = job(hooks=True)
    done = many.train("--devices", "2", "--max-restarts", "1", fault="1:on_train_batch_end:20:raise")
    assert done.code == 10
    told = [line for line in done.err.splitlines() if "enough" in line]
    assert len(told) == 1 and told[0].startswith("rank 1: faults.py:")
    assert "again" not in done.err  # the same code would fail the same way
    assert many.last().facts.step == STEPS
    assert many.status()["state"] == "failed" and many.status()["exit_code"] == 10


@pytest.mark.long
def test_a_process_that_runs_out_of_data_ends_all(job: Make) -> None:
    many = job(GENERATED, (", validation_split: 0.25", ""), ("mode: fit", "mode: fit_generator"))
    done = many.train("--devices", "2", fault="1:batches:5:end")
    assert done.code == 10
    assert done.err.count("gave 5 of 16 batches") == 1 and "error: rank 1: " in done.err


@pytest.mark.long
def test_what_all_processes_find_wrong_is_said_once(job: Make) -> None:
    many = job(("{synthetic: {samples: 404, shape: [4, 4, 1], classes: 3}}", "{npz: {path: none.npz}}"))
    done = many.train("--devices", "2")
    assert done.code == 4
    assert done.err.count("none.npz") <= 2 and done.err.count("e.yaml:4:") == 1 and "rank" not in done.err
    assert not many.run.exists()


@pytest.mark.long
def test_torchrun_starts_the_processes_too(job: Make) -> None:
    many = job()
    program = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "fittool")
    done = many.ended("train", "e.yaml", "--run-dir", "run", "--set", "train.epochs=1", program=program)
    assert done.code == 0, done.err
    assert done.out.splitlines() == ["run"]
    assert done.err.count("1/1  loss") == 1
    assert json.loads((many.run / "environment.json").read_text())["processes"] == 2


@pytest.mark.long
def test_a_full_disk_of_the_leader_ends_all(job: Make) -> None:
    many = job(hooks=True)
    done = many.train("--devices", "2", fault="0:on_train_batch_end:20:full")
    assert done.code == 7
    assert done.err.count("rank 0: run/") == 1 and done.err.count("cannot be written") == 1
    assert many.last().facts.step == STEPS
