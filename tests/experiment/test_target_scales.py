"""`data.target` from the file to the predictions: learnt from the training part alone, kept with the run, undone for people."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from cli.commands import weights
from PIL import Image

import fittool as ft

CHANCE = np.random.default_rng(1)
X = CHANCE.normal(size=(60, 3)).round(3)
GRAMS = (4200 + 800 * X[:, 0] + 40 * CHANCE.normal(size=60)).round(1)
MM = (200 + 14 * (X[:, 1] - X[:, 2])).round(2)

TABLE = """\
name: table
seed: 3
data:
  train: {csv: {path: table.csv, label: [grams, mm], features: [a, b, c]}}
  target: {scale: standard}
model:
  layers:
    - Dense: {units: 8, activation: relu}
    - Dropout: {rate: 0.2}
    - Dense: {units: 2}
compile:
  optimizer: {Adam: {learning_rate: 0.02}}
  loss: mean_squared_error
  metrics: [mean_absolute_error]
train: {epochs: 4, batch_size: 8, validation_split: 0.25}
"""


def lines(grams=GRAMS, mm=MM, head="a,b,c,grams,mm"):
    rows = [",".join(map(str, row)) for row in zip(*X.T, grams, mm, strict=True)]
    return "\n".join([head, *rows]) + "\n"


@pytest.fixture
def table(write):
    """Write the table, and the experiment with some changes."""

    def table(*changes, text=TABLE, content=None):
        write(text=lines() if content is None else content, name="table.csv")
        return write(*changes, text=text)

    return table


def numbers(done):
    assert done.code == 0, done.err
    return [[float(row["grams"]), float(row["mm"])] for row in csv.DictReader(io.StringIO(done.out))]


def measured(done):
    assert done.code == 0, done.err
    return {name: float(value) for name, value in (line.split() for line in done.out.splitlines())}


def last_row(run):
    return json.loads((run.path / "metrics.jsonl").read_text().splitlines()[-1])


def test_metrics_and_predictions_are_in_the_targets_unit(fittool, table):
    run = fittool("train", table()).run
    predicted = np.array(numbers(fittool("predict", run.path, "table.csv")))
    errors = np.abs(predicted - np.stack([GRAMS, MM], axis=1))[45:].mean(axis=0)
    told = measured(fittool("evaluate", run.path))
    assert told["mean_absolute_error_grams"] == pytest.approx(errors[0], rel=1e-4)
    assert told["mean_absolute_error_mm"] == pytest.approx(errors[1], rel=1e-4)
    assert told["mean_absolute_error"] == pytest.approx(errors.mean(), rel=1e-4)
    center, spread = (np.array([getattr(one[:45], how)() for one in (GRAMS, MM)]) for how in ("mean", "std"))
    scaled = ((predicted - np.stack([GRAMS, MM], axis=1)) / spread)[45:]
    assert told["loss"] == pytest.approx((scaled**2).mean(), rel=1e-4)
    kept = run.checkpoints.load_best()[0].facts.architecture["targets"]["dense_1"]
    np.testing.assert_allclose([kept["center"], kept["spread"]], [center, spread])


def test_it_is_told_before_training(fittool, table):
    said = fittool("train", table()).err
    assert "scales the targets for the loss: grams (mean " in said
    assert "metrics and predictions are in the targets' own unit" in said
    assert "grams (mean " in fittool("check", "e.yaml").out


def test_the_validation_part_teaches_nothing(fittool, table):
    one = fittool("train", table()).run
    other = np.where(np.arange(60) < 45, GRAMS, 9e6)
    two = fittool("train", table(content=lines(other))).run
    assert weights(one) != {}
    assert {name: tensor for name, tensor in weights(one).items() if not name.startswith("metrics/")} == {
        name: tensor for name, tensor in weights(two).items() if not name.startswith("metrics/")
    }


@pytest.mark.parametrize("kind", ["standard", "log"])
def test_a_resumed_run_has_the_same_bytes(fittool, table, kind):
    experiment = table(("scale: standard", f"scale: {kind}"))
    whole = fittool("train", experiment, "--run-dir", "whole").run
    assert fittool("train", experiment, "--run-dir", "here", "--timeout", "0.001s").code == 75
    assert weights(fittool("resume", "here").run) == weights(whole)
    assert "the same bytes" in fittool("verify", "here", "--replay", "12").out


def test_fit_fit_generator_and_workers_have_the_same_bytes(fittool, table):
    whole = fittool("train", table()).run
    for options in ("mode: fit_generator, workers: 0", "mode: fit_generator, workers: 3"):
        again = fittool("train", table(("epochs: 4", f"epochs: 4, {options}"))).run
        assert weights(again) == weights(whole)


def test_other_data_that_were_accepted_change_no_scale(fittool, table):
    experiment = table()
    before = fittool("train", experiment, "--run-dir", "here").run.checkpoints.load("last.safetensors")
    table(content=lines(GRAMS * 3))
    done = fittool("resume", "here", "--epochs", "5", "--accept-changes")
    assert done.code == 0, done.err
    after = done.run.checkpoints.load("last.safetensors")
    assert after.facts.architecture["targets"] == before.facts.architecture["targets"]


def test_another_scale_is_a_change_that_is_learnt_anew(fittool, table):
    fittool("train", table(), "--run-dir", "here")
    experiment = table(("scale: standard", "scale: log"), ("epochs: 4", "epochs: 5"))
    done = fittool("train", experiment, "--run-dir", "here", "--resume")
    assert done.code == 3
    assert "data.target.scale was standard when the run began, and is log now" in done.err
    done = fittool("train", experiment, "--run-dir", "here", "--resume", "--accept-changes")
    assert done.code == 0, done.err
    assert done.run.checkpoints.load("last.safetensors").facts.architecture["targets"]["dense_1"]["scale"] == "log"


def test_a_saved_model_keeps_it(fittool, table, tmp_path):
    run = fittool("train", table()).run
    model = ft.load_model(run.path / "checkpoints" / "best.safetensors")
    expected = numbers(fittool("predict", run.path, "table.csv"))
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)
    model.save(tmp_path / "model.safetensors")
    again = ft.load_model(tmp_path / "model.safetensors")
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    assert again.evaluate(X, np.stack([GRAMS, MM], axis=1), return_dict=True, verbose=0)["mean_absolute_error_mm"] < 40
    fresh = ft.models.model_from_json(again.to_json())
    fresh.load_weights(tmp_path / "model.safetensors")
    assert fresh.predict(X).tobytes() == model.predict(X).tobytes()


def test_weights_without_a_scale_take_it_away(fittool, table, tmp_path):
    run = fittool("train", table()).run
    model = ft.load_model(run.path / "checkpoints" / "best.safetensors")
    plain = ft.Model([{"Dense": {"units": 8, "activation": "relu"}}, {"Dropout": {"rate": 0.2}}, {"Dense": {"units": 2}}], (3,))
    plain.save_weights(tmp_path / "plain.safetensors")
    model.load_weights(tmp_path / "plain.safetensors")
    np.testing.assert_allclose(model.predict(X), plain.predict(X), rtol=1e-6)


def test_an_own_loop_measures_in_the_targets_unit(fittool, table, write):
    write(
        text="def steps(model, batches, epoch):\n    for x, y in batches:\n        model.train_on_batch(x, y)\n", name="mine.py"
    )
    own = fittool("train", table(("epochs: 4", 'epochs: 4, mode: train_on_batch, loop: "mine:steps"'))).run
    assert last_row(own)["mean_absolute_error_grams"] > 10 * last_row(own)["mean_absolute_error_mm"]
    assert last_row(own)["loss"] < 10


def test_a_monitor_may_watch_one_target(fittool, table):
    watch = "callbacks: [{EarlyStopping: {monitor: val_mean_absolute_error_mm, patience: 1}}]\n"
    assert fittool("train", table(text=TABLE + watch)).code == 0
    done = fittool("check", table(text=TABLE + watch.replace("_mm", "_kg")))
    assert (done.code, "val_mean_absolute_error_mm" in done.err) == (3, True)


def test_arrays_and_several_targets(fittool, write):
    np.savez("arrays.npz", x=X, y=np.stack([GRAMS, MM], axis=1))
    text = TABLE.replace("csv: {path: table.csv, label: [grams, mm], features: [a, b, c]}", "npz: {path: arrays.npz}")
    run = fittool("train", write(text=text)).run
    told = measured(fittool("evaluate", run.path, "--data", "arrays.npz"))
    outputs = [name for name in told if name.startswith("mean_absolute_error_output_")]
    assert len(outputs) == 2
    assert told["mean_absolute_error"] == pytest.approx(np.mean([told[name] for name in outputs]), rel=1e-5)


PICTURES = """\
name: bright
data:
  train: {csv: {path: bright.csv, image: file, label: lux}}
  image: {color_mode: grayscale}
  target: {scale: standard}
model:
  layers:
    - Rescaling: {scale: 1/255}
    - Flatten
    - Dense: {units: 1}
compile: {optimizer: {Adam: {learning_rate: 0.02}}, loss: mean_squared_error, metrics: [mae]}
augmentation: {horizontal_flip: true}
train: {mode: fit_generator, epochs: 8, batch_size: 8, validation_split: 0.25}
"""


def test_images_with_numbers_and_test_time_augmentation(fittool, write, folder):
    rows = ["file,lux"]
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 10 * number + 20, (6, 6), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{5000 + 40 * number}")
    write(text="\n".join(rows) + "\n", name="bright.csv")
    run = fittool("train", write(text=PICTURES)).run
    for views in (1, 3):
        done = fittool("predict", run.path, "--on", "validation", "--tta", views)
        told = [(float(row["prediction"]), float(row["truth"])) for row in csv.DictReader(io.StringIO(done.out))]
        error = float(np.mean([abs(one - other) for one, other in told]))
        assert measured(fittool("evaluate", run.path, "--tta", views))["mae"] == pytest.approx(error, rel=1e-3)
        assert 4000 < told[0][0] < 7000


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([("loss: mean_squared_error", "loss: poisson")], "data.target.scale: standard moves and stretches the targets"),
        (
            [("loss: mean_squared_error", "loss: binary_crossentropy"), ("metrics: [mean_absolute_error]", "metrics: []")],
            "data.target is for numbers to predict, but the loss BinaryCrossentropy",
        ),
        ([("{scale: standard}", "{scale: standard}\n  class_mode: input")], "has no meaning with data.class_mode: input"),
        ([("scale: standard", "scale: standart")], "Did you mean standard?"),
    ],
)  # fmt: skip
def test_what_cannot_be_scaled_is_refused(fittool, table, changes, told):
    done = fittool("check", table(*changes))
    assert done.code == 3
    assert told in done.err


@pytest.mark.parametrize("row", [3, 50])
def test_a_logarithm_takes_no_number_below_zero(fittool, table, row):
    below = GRAMS.copy()
    below[row] = -1.5
    done = fittool("train", table(("scale: standard", "scale: log"), content=lines(below)))
    assert done.code == 4
    assert f"table.csv:{row + 2}: the target is -1.5, but scale: log takes numbers of at least 0" in done.err


def test_a_generator_cannot_be_learnt_from(fittool, table, write):
    write(text="import numpy as np\ndef batches():\n    yield np.ones((4, 3)), np.ones((4, 2))\n", name="mine.py")
    source = ("csv: {path: table.csv, label: [grams, mm], features: [a, b, c]}", 'python: {function: "mine:batches", samples: 4}')
    done = fittool("check", table(source, (", validation_split: 0.25", ", mode: fit_generator")))
    assert done.code == 3
    assert "a generator cannot offer. Scale them in your code." in done.err


@pytest.mark.parametrize(
    ("grams", "mm", "told"),
    [
        (GRAMS, MM, "The targets are of very different size (mm and grams)"),
        (MM * 1.5, MM, "; networks learn best near 1. Add target: {scale: standard} to data"),
        ((MM - 200) / 1e4, (MM - 200) / 1e4, "networks learn best near 1"),
        ((MM - 200) / 14, (GRAMS - 4200) / 800, ""),
    ],
    ids=["apart", "far", "tiny", "near"],
)
def test_check_says_where_a_scale_is_missing(fittool, table, grams, mm, told):
    without = ("  target: {scale: standard}\n", "")
    said = fittool("check", table(without, content=lines(grams.round(9), mm.round(9)))).err
    assert told in said if told else "target" not in said
    with_it = ("scale: standard", "scale: none")
    assert "scale" not in fittool("check", table(with_it, content=lines(grams.round(9), mm.round(9)))).err


def test_a_last_activation_is_held_against_the_scaled_targets(fittool, table):
    done = fittool("check", table(("Dense: {units: 2}", "Dense: {units: 2, activation: sigmoid}")))
    assert "sigmoid" in done.err
    assert "data.train gives" in done.err or "targets" in done.err


def test_targets_are_called_by_their_names_and_no_classes_are_missed(fittool, table):
    content = lines(np.full(60, 7.0), np.full(60, 3.0))
    done = fittool("train", table(content=content))
    assert done.code == 0, done.err
    assert "of one class" not in done.err
    assert list(csv.DictReader(io.StringIO(fittool("predict", done.run.path, "table.csv").out)).fieldnames) == [
        "input",
        "grams",
        "mm",
    ]


def test_init_scales_numbers_and_no_classes(fittool, write):
    write(text=lines(), name="table.csv")
    assert fittool("init", "numbers.yaml", "--from", "table.csv", "--label", "grams").code == 0
    assert "target: {scale: standard}" in Path("numbers.yaml").read_text()
    kinds = ["low" if one < 4200 else "high" for one in GRAMS]
    write(text=lines(kinds, head="a,b,c,kind,mm"), name="kinds.csv")
    assert fittool("init", "kinds.yaml", "--from", "kinds.csv", "--label", "kind").code == 0
    assert "target" not in Path("kinds.yaml").read_text()
