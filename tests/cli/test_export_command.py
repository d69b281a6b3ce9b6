from __future__ import annotations

import csv
import io
import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture
def small(fittool, write):
    return fittool("train", write()).run


def answers(path, inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, inputs), strict=True))


def metadata(path):
    return {one.key: one.value for one in onnx.load(path).metadata_props}


def predicted(fittool, run, *arguments):
    done = fittool("predict", run.path, *arguments)
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def check_classes(found, rows, names):
    assert [str(one) for one in found["prediction"]] == [row["prediction"] for row in rows]
    expected = np.array([[float(row[name]) for name in names] for row in rows])
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)


def test_bytes_give_what_predict_says(fittool, small, folder):
    done = fittool("export", small.path, "--format", "onnx", "--out", "net.onnx")
    assert (done.code, done.out) == (0, "net.onnx\n"), done.err
    assert "net.onnx: takes uint8 input (N, 6, 6, 1); gives probabilities (N, 3), prediction (N,)." in done.err
    assert "12 samples: onnxruntime" in done.err and "agrees within" in done.err
    pictures = np.load(folder / "small.npz")["x"]
    np.savez(folder / "all.npz", x=pictures)
    for count in (1, 7, 48):
        check_classes(answers("net.onnx", {"input": pictures[:count]}), predicted(fittool, small, "all.npz")[:count], "012")


def test_the_file_says_what_it_is(fittool, small):
    fittool("export", small.path, "--out", "net.onnx")
    told = metadata("net.onnx")
    assert json.loads(told["class_names"]) == ["0", "1", "2"]
    assert (told["input_size"], told["color_order"], told["run"]) == ("[6, 6]", "grey", small.id)
    assert told["resize"] == "the whole picture stretched to the size, bilinear as Pillow computes it"
    assert [one["name"] for one in json.loads(told["outputs"])] == ["probabilities", "prediction"]


def test_the_same_run_gives_the_same_bytes(fittool, small, folder):
    for name in ("a.onnx", "b.onnx"):
        fittool("export", small.path, "--out", name)
    assert (folder / "a.onnx").read_bytes() == (folder / "b.onnx").read_bytes()
    assert (folder / "a.samples.json").read_bytes() == (folder / "b.samples.json").read_bytes()


def test_it_is_named_as_the_run_by_default(fittool, small):
    assert fittool("export", small.path).out == "small.onnx\n"


@pytest.mark.parametrize("there", ["net.onnx", "net.samples.json", "net.README.md"])
def test_nothing_is_replaced_without_force(fittool, small, folder, there):
    (folder / there).write_text("mine")
    done = fittool("export", small.path, "--out", "net.onnx")
    assert (done.code, f"{there} is there already" in done.err) == (2, True)
    assert (folder / there).read_text() == "mine"
    assert fittool("export", small.path, "--out", "net.onnx", "--force").code == 0
    assert (folder / there).read_text(errors="replace") != "mine"


def test_the_last_epoch_is_another_than_the_best(fittool, write, folder):
    run = fittool("train", write(("epochs: 2", "epochs: 6"), ("optimizer: adam", "optimizer: {SGD: {learning_rate: 5}}"))).run
    for which in ("best", "last"):
        fittool("export", run.path, "--out", f"{which}.onnx", "--checkpoint", which)
        assert metadata(f"{which}.onnx")["epoch"] == str(run.checkpoints.load(f"{which}.safetensors").facts.epoch)


def test_averages_are_exported_as_they_predict(fittool, write, folder):
    averaged = "optimizer: {Adam: {use_ema: true, ema_momentum: 0.5}}"
    run = fittool("train", write(("optimizer: adam", averaged))).run
    assert fittool("export", run.path, "--out", "net.onnx", "--checkpoint", "final").code == 0
    found = answers("net.onnx", {"input": np.load(folder / "small.npz")["x"]})
    np.savez(folder / "all.npz", x=np.load(folder / "small.npz")["x"])
    check_classes(found, predicted(fittool, run, "all.npz", "--checkpoint", "final"), "012")


PAIR = (
    ("units: 3, activation: softmax", "units: 1, activation: sigmoid"),
    ("sparse_categorical_crossentropy", "binary_crossentropy"), ("npz: {path: small.npz}", "npz: {path: pair.npz}"),
)  # fmt: skip


@pytest.fixture
def pair(fittool, write, folder):
    chance = np.random.default_rng(4)
    labels = (np.arange(160) % 4 == 0).astype(int)
    images = np.clip(chance.normal(110 + 12 * labels[:, None, None, None], 25, (160, 6, 6, 1)), 0, 255).astype(np.uint8)
    np.savez(folder / "pair.npz", x=images, y=labels)
    np.savez(folder / "all.npz", x=images)
    return fittool("train", write(*PAIR)).run


def test_thresholds_and_temperature_go_with_it(fittool, pair, folder):
    assert fittool("evaluate", pair.path, "--calibrate").code == 0
    assert fittool("threshold", pair.path, "--for", "f1").code == 0
    assert fittool("export", pair.path, "--out", "net.onnx").code == 0
    found, rows = answers("net.onnx", {"input": np.load("pair.npz")["x"]}), predicted(fittool, pair, "all.npz")
    check_classes(found, rows, "01")
    assert found["decision"].tolist() == [row["prediction"] == "1" for row in rows]
    assert (found["decision"] != (found["probabilities"][:, 1] > 0.5)).any()


def test_logits_become_probabilities(fittool, write, folder):
    logits = (
        ("units: 3, activation: softmax", "units: 3"),
        ("loss: sparse_categorical_crossentropy", "loss: {SparseCategoricalCrossentropy: {from_logits: true}}"),
    )
    run = fittool("train", write(*logits)).run
    np.savez(folder / "all.npz", x=np.load(folder / "small.npz")["x"])
    assert fittool("export", run.path, "--out", "net.onnx").code == 0
    check_classes(answers("net.onnx", {"input": np.load("small.npz")["x"]}), predicted(fittool, run, "all.npz"), "012")


TABLE = """\
name: table
seed: 3
data:
  train: {csv: {path: table.csv, label: LABEL}}
  columns: {member: boolean}
  TARGET
model: {preset: tabular}
compile: {optimizer: adam, loss: LOSS}
train: {epochs: 2, batch_size: 16, validation_split: 0.25}
"""


def table(folder, loss, label, target=""):
    """A table of numbers with gaps, words, dates and truths; and its rows as a graph takes them."""
    chance = np.random.default_rng(2)
    size, colour = chance.normal(50, 20, 80).round(3), chance.choice(["red", "green", "blue", ""], 80)
    size[::9] = np.nan
    seconds = chance.integers(0, 2**30, 80).astype(np.float64)
    member = chance.choice(["yes", "no"], 80)
    price, kind = np.abs(np.nan_to_num(size)) * 1e4 + chance.uniform(0, 10, 80), chance.choice(["a", "b", "c"], 80)
    heads = ["size", "colour", "when", "member", "price", "kind", "other"]
    other = np.abs(price - 3e5) + 1
    rows = zip(size, colour, seconds.astype("datetime64[s]"), member, price, kind, other, strict=True)
    lines = [",".join("" if str(cell) == "nan" else str(cell) for cell in row) for row in rows]
    (folder / "table.csv").write_text("\n".join([",".join(heads), *lines]) + "\n")
    written = TABLE.replace("LABEL", label).replace("LOSS", loss).replace("TARGET", target)
    (folder / "table.yaml").write_text(written)
    raw = {"size": size, "colour": colour.astype(object), "when": seconds, "member": member.astype(object)}
    raw |= {"price": price, "kind": kind.astype(object), "other": other}
    return {name: array.reshape(-1, 1) for name, array in raw.items() if name not in label}


def test_tables_are_taken_by_their_columns(fittool, folder):
    raw = table(folder, "sparse_categorical_crossentropy", "kind")
    run = fittool("train", "table.yaml").run
    done = fittool("export", run.path, "--out", "net.onnx")
    assert done.code == 0, done.err
    names = {one.name for one in onnxruntime.InferenceSession("net.onnx").get_inputs()}
    found = answers("net.onnx", {name: array for name, array in raw.items() if name in names})
    check_classes(found, predicted(fittool, run, "table.csv"), "abc")
    assert "seconds since 1970-01-01" in (folder / "net.README.md").read_text()


@pytest.mark.parametrize("scale", ["none", "standard", "log"])
def test_numbers_are_in_their_own_unit(fittool, folder, scale):
    raw = table(folder, "mse", "[price, other]", f"target: {{scale: {scale}}}")
    run = fittool("train", "table.yaml").run
    assert fittool("export", run.path, "--out", "net.onnx").code == 0
    names = {one.name for one in onnxruntime.InferenceSession("net.onnx").get_inputs()}
    found = answers("net.onnx", {name: array for name, array in raw.items() if name in names})["prediction"]
    rows = predicted(fittool, run, "table.csv")
    np.testing.assert_allclose(found, [[float(row["price"]), float(row["other"])] for row in rows], rtol=1e-5)


def test_labels_each_on_its_own(fittool, folder):
    lines = [f"{one % 5},{one % 2},{one % 3 == 0:d}" for one in range(60)]
    (folder / "table.csv").write_text("\n".join(["size,first,second", *lines]) + "\n")
    written = TABLE.replace("LABEL", "[first, second]").replace("LOSS", "binary_crossentropy").replace("  TARGET\n", "")
    (folder / "table.yaml").write_text(written.replace("  columns: {member: boolean}\n", ""))
    run = fittool("train", "table.yaml").run
    assert fittool("evaluate", run.path, "--calibrate").code == 0
    assert fittool("threshold", run.path, "--for", "f1").code == 0
    assert fittool("export", run.path, "--out", "net.onnx").code == 0
    found, rows = answers("net.onnx", {"size": np.arange(60.0).reshape(-1, 1) % 5}), predicted(fittool, run, "table.csv")
    assert found["decision"].tolist() == [[row["first"] == "yes", row["second"] == "yes"] for row in rows]
    expected = [[float(row["first probability"]), float(row["second probability"])] for row in rows]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


def test_verify_runs_the_samples(fittool, small):
    fittool("export", small.path, "--out", "net.onnx")
    done = fittool("verify", "net.onnx")
    assert done.code == 0 and done.out.startswith("12 samples: onnxruntime ") and "agrees within" in done.out


def test_verify_refuses_what_gives_something_else(fittool, small, folder):
    fittool("export", small.path, "--out", "net.onnx")
    fittool("export", fittool("train", folder / "e.yaml", "--set", "seed=8").run.path, "--out", "other.onnx")
    (folder / "other.onnx").replace(folder / "net.onnx")
    done = fittool("verify", "net.onnx")
    assert (done.code, "differs by up to" in done.out, "probabilities: " in done.out) == (5, True, True)
    assert "net.onnx: It does not give what is expected of its samples." in done.err


@pytest.mark.parametrize("content", [b"", b"no onnx at all", b"\x08\x08"])
def test_verify_refuses_damaged_files(fittool, small, folder, content):
    fittool("export", small.path, "--out", "net.onnx")
    (folder / "net.onnx").write_bytes(content)
    done = fittool("verify", "net.onnx")
    assert (done.code, "net.onnx: onnxruntime" in done.err, done.err.count("\n")) == (5, True, 1)


def test_verify_needs_the_samples(fittool, small, folder):
    fittool("export", small.path, "--out", "net.onnx")
    (folder / "net.samples.json").unlink()
    done = fittool("verify", "net.onnx")
    assert (done.code, "net.samples.json: cannot be read" in done.err) == (5, True)
    assert fittool("verify", "missing.onnx").code == 5
    assert fittool("verify", "net.onnx", "--replay", "1").code == 2


def test_data_that_are_gone_are_replaced_by_drawn_samples(fittool, small, folder):
    (folder / "small.npz").unlink()
    done = fittool("export", small.path, "--out", "net.onnx")
    assert (done.code, "samples beside the file are drawn at random" in done.err) == (0, True)
    assert fittool("verify", "net.onnx").out.startswith("32 samples")


@pytest.mark.parametrize(("name", "format_"), [("onnx", "onnx"), ("h5py", "keras")])
def test_without_the_extra_it_is_named(fittool, small, monkeypatch, name, format_):
    monkeypatch.setitem(sys.modules, name, None)
    done = fittool("export", small.path, "--format", format_)
    assert (done.code, f"pip install 'fittool[{format_}]'" in done.err) == (6, True)


def test_names_that_are_no_text_are_told_as_far_as_they_are(fittool, folder):
    for name in (b"caf\xe9", b"bar"):
        os.makedirs(os.fsencode(folder) + b"/photos/" + name)
        for number in range(8):
            Image.new("L", (6, 6), number * 30).save(os.fsdecode(os.fsencode(folder) + b"/photos/" + name + b"/%d.png" % number))
    (folder / "photos.yaml").write_text("""\
name: photos
data: {train: {folder: {path: photos}}, image: {size: 6, color_mode: grayscale}}
model: {layers: [Flatten, {Dense: {units: 2, activation: softmax}}]}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train: {epochs: 1, validation_split: 0.25}
""")
    done = fittool("export", fittool("train", "photos.yaml").run.path, "--out", "net.onnx")
    assert (done.code, "agrees within" in done.err) == (0, True), done.err
    assert json.loads(metadata("net.onnx")["class_names"]) == ["bar", "caf?"]


def test_code_of_the_users_is_refused(fittool, write, folder):
    (folder / "mine.py").write_text("def darker(image):\n    return image / 2\n")
    augmented = ("train:\n", "augmentation: {preprocessing_function: mine:darker}\ntrain:\n  mode: fit_generator\n")
    path = write(augmented, ("  validation_split: 0.25\n", ""))
    run = fittool("train", path).run
    done = fittool("export", run.path, "--out", "net.onnx", "--experiment", path)
    assert (done.code, "augmentation.preprocessing_function: mine:darker" in done.err) == (5, True)


def test_a_layer_without_counterpart_is_named(fittool, write, folder):
    walk = "    - UpSampling1D: {size: 5}\n    - GRU: {units: 3, activation: mish, name: walk}\n"
    run = fittool("train", write(("    - Flatten\n", f"    - Reshape: {{target_shape: [-1, 1]}}\n{walk}"))).run
    done = fittool("export", run.path, "--out", "net.onnx")
    expected = 'layer 4 (GRU "walk"): ONNX\'s recurrences do not know its activations, and 320 steps are too many'
    assert (done.code, expected in done.err) == (5, True), done.err
    assert not (folder / "net.onnx").exists()
