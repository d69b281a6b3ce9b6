"""Every source and every kind of network, from the file to a finished run."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import SMALL, weights

GRAPH = """\
name: graph
data:
  train: {python: {function: "mine:batches"}}
model:
  layers:
    - Dense: {units: 4, activation: relu, inputs: [left], name: a}
    - Dense: {units: 4, activation: relu, inputs: [right], name: b}
    - Concatenate: {inputs: [a, b], name: both}
    - Dense: {units: 3, activation: softmax}
compile: {optimizer: {Adam: {learning_rate: 0.02}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: 30}
"""
TWO_INPUTS = """\
import numpy as np

def batches():
    chance = np.random.default_rng(1)
    for number in range(8):
        labels = np.arange(9) % 3
        left = np.eye(3)[labels] + chance.normal(0, 0.1, (9, 3))
        inputs = {"left": left.astype("float32"), "right": chance.random((9, 3)).astype("float32")}
        names = sorted(inputs, reverse=number % 2 == 0)
        yield {name: inputs[name] for name in names}, labels
"""
TABLE = """\
name: table
data:
  train: {csv: {path: table.csv, label: y}}
model:
  layers:
    - Normalization
    - Dense: {units: 8, activation: relu}
    - Dense: 1
compile: {optimizer: {Adam: {learning_rate: 0.03}}, loss: mse, metrics: [mae]}
train: {epochs: 60, batch_size: 16, validation_split: 0.2}
"""


@pytest.fixture
def train(fittool):
    def train(path, *options):
        done = fittool("train", path, *options)
        assert done.code == 0, done.err
        return done.run

    return train


def last(run):
    return run.metrics.rows()[-1]


def test_inputs_are_found_by_their_names_in_any_order(train, write):
    write(text=TWO_INPUTS, name="mine.py")
    mixed = train(write(text=GRAPH))
    write(("number % 2 == 0", "False"), text=TWO_INPUTS, name="mine.py")
    assert weights(mixed) == weights(train(write(text=GRAPH)))
    assert last(mixed)["accuracy"] > 0.9


def test_batch_that_calls_its_inputs_otherwise_is_refused(fittool, write):
    write(("        yield {name:", "        yield {name[:5 - number]:"), text=TWO_INPUTS, name="mine.py")
    done = fittool("train", write(text=GRAPH))
    assert done.code == 10
    assert "mine.py:batches, batch 2: inputs are left, righ, but those of the first batch were left, right." in done.err


def test_input_that_no_data_give_is_told_at_its_layer(fittool, write):
    write(text=TWO_INPUTS, name="mine.py")
    done = fittool("train", write(("[left]", "[lefts]"), text=GRAPH))
    assert (done.code, "e.yaml:6:7: " in done.err, 'Did you mean "left"?' in done.err) == (3, True, True)


def test_residual_network_trains(train, write):
    layers = "    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n"
    block = """\
    - Conv2D: {filters: 4, kernel_size: 3, padding: same, name: first}
    - BatchNormalization
    - ReLU: {name: second}
    - Add: {inputs: [first, second]}
"""
    assert last(train(write((layers, block))))["loss"] > 0


@pytest.mark.parametrize("preset", ["mlp", "simple_cnn"])
def test_preset_fits_the_classes_of_the_data(train, write, pictures, preset):
    layers = SMALL[SMALL.index("  layers") : SMALL.index("compile")]
    image = ("npz: {path: small.npz}}", "folder: {path: pictures}}\n  image: {color_mode: grayscale, size: 32}")
    run = train(write(image, (layers, f"  preset: {preset}\n")), "--smoke", "--run-dir", "here")
    outputs = [
        array.shape[-1] for name, array in run.checkpoints.load("last.safetensors").tensors.items() if name.endswith("/kernel")
    ]
    assert outputs[-1] == 2
    assert run.read_classes() == ("cat", "dog")


def test_regression_learns_and_names_no_classes(train, write):
    values = np.random.default_rng(3).random((80, 2)).round(4)
    lines = [f"{a},{b},{3 * a - b}" for a, b in values]
    run = train(
        write(text="\n".join(["a,b,y", *lines]) + "\n", name="table.csv") and write(("Dense: 1", "Dense: {units: 1}"), text=TABLE)
    )
    assert last(run)["val_mae"] < 0.25
    assert run.read_classes() is None


def test_image_column_gives_what_the_folder_gives(train, write, pictures):
    names = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    write(text="\n".join(["file,kind", *(f"{name},{name[:3]}" for name in names)]) + "\n", name="pictures/list.csv")
    changes = ("units: 3", "units: 2"), ("  validation_split: 0.25\n", "")
    grey = "}}\n  image: {color_mode: grayscale}"
    table = write(*changes, ("npz: {path: small.npz}}", "csv: {path: pictures/list.csv, image: file, label: kind" + grey))
    by_table = train(table)
    (pictures / "list.csv").unlink()
    by_folder = train(write(*changes, ("npz: {path: small.npz}}", "folder: {path: pictures" + grey)))
    assert weights(by_table) == weights(by_folder)
    assert by_table.read_classes() == by_folder.read_classes() == ("cat", "dog")


def test_idx_gives_what_the_npz_gives(train, write, folder):
    by_npz = train(write())
    images, labels = read_arrays("small.npz").values()
    (folder / "images").write_bytes(struct.pack(">IIII", 0x803, 48, 6, 6) + images.tobytes())
    (folder / "labels").write_bytes(struct.pack(">II", 0x801, 48) + labels.astype(np.uint8).tobytes())
    by_idx = train(write(("npz: {path: small.npz}", "idx: {images: images, labels: labels}")))
    assert weights(by_npz) == weights(by_idx)


def test_npy_gives_what_the_npz_gives(train, write):
    by_npz = train(write())
    for name, array in read_arrays("small.npz").items():
        np.save(f"{name}.npy", array)
    assert weights(by_npz) == weights(train(write(("npz: {path: small.npz}", "npy: {x: x.npy, y: y.npy}"))))


def test_synthetic_data_can_be_learnt(train, write):
    changes = (
        ("npz: {path: small.npz}", "synthetic: {samples: 96, shape: [6, 6, 1], classes: 3}"),
        ("adam", "{Adam: {learning_rate: 0.01}}"),
    )
    assert last(train(write(*changes, ("epochs: 2", "epochs: 20"))))["val_accuracy"] > 0.6


def test_one_hot_targets_and_label_smoothing(train, write):
    loss = "{CategoricalCrossentropy: {label_smoothing: 0.1}}"
    smooth = train(write(("loss: sparse_categorical_crossentropy", f"loss: {loss}")))
    plain = train(write(("loss: sparse_categorical_crossentropy", "loss: categorical_crossentropy")))
    sparse = train(write())
    assert weights(smooth) != weights(plain)
    kernels = [run.checkpoints.load("last.safetensors").tensors["weights/dense/kernel"] for run in (plain, sparse)]
    assert np.allclose(*kernels, atol=1e-5)


def test_autoencoder_takes_its_input_as_target(train, write):
    layers = SMALL[SMALL.index("    - Flatten") : SMALL.index("  metrics")]
    decoder = "    - UpSampling2D: {size: 2}\n    - Conv2D: {filters: 1, kernel_size: 3}\ncompile:\n  loss: mse\n"
    changes = (
        (layers, decoder),
        ("  metrics: [accuracy]\n", ""),
        ("{path: small.npz}}\n", "{path: small.npz}}\n  class_mode: input\n"),
    )
    assert last(train(write(*changes)))["val_loss"] > 0


def test_paths_are_relative_to_the_file_that_wrote_them(train, write, folder, monkeypatch):
    write()
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    run = train("../e.yaml")
    assert run.path.resolve().is_relative_to(folder / "elsewhere" / "runs")


def test_extended_file_trains(train, write):
    write(name="base.yaml")
    run = train(write(text="extends: base.yaml\nname: child\ntrain: {epochs: 1}\n"))
    assert run.path.parent.name == "child"
    assert len(run.metrics.rows()) == 1


WITH_A_LABEL_TOO_FAR = """\
import numpy as np


def batches():
    for label in (0, 1, 7):
        yield np.zeros((4, 6, 6, 1), "f"), np.full(4, label)
"""


def test_a_label_beyond_the_outputs_names_its_batch(fittool, write):
    write(text=WITH_A_LABEL_TOO_FAR, name="mine.py")
    source = ("npz: {path: small.npz}", "python: {function: 'mine:batches', samples: 12}")
    done = fittool("train", write(source, ("  validation_split: 0.25", "")))
    assert done.code == 4
    assert "class number 7, but the network's output has places for 0 to 2 only. This is in batch 3 of pass 1 of" in done.err


LOOP = """\
def loop(model, batches, epoch):
    for x, y in batches:
        for _ in range({times}):
            model.train_on_batch(x, y)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_label_beyond_the_outputs_names_its_batch_in_a_loop_too(fittool, write, times):
    write(text=f"{WITH_A_LABEL_TOO_FAR}\n\n{LOOP.format(times=times)}", name="mine.py")
    source = ("npz: {path: small.npz}", "python: {function: 'mine:batches', samples: 12}")
    mode = ("  validation_split: 0.25", "  mode: train_on_batch\n  loop: 'mine:loop'")
    done = fittool("train", write(source, mode))
    assert "class number 7, but the network's output has places for 0 to 2 only. This is in batch 3 of pass 1 of" in done.err
