from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import FROM_PICTURES, WORSE_AT_THE_END
from PIL import Image

TABLE = """\
name: table
data:
  train: {csv: {path: table.csv, label: LABEL}}
model:
  layers:
    - Dense: {units: UNITS, activation: ACTIVATION}
compile: {optimizer: {SGD: {learning_rate: 0.1}}, loss: LOSS}
train: {epochs: 20, batch_size: 8}
"""


def rows(done):
    """The CSV on stdout."""
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def numbers(row, names):
    return np.array([float(row[name]) for name in names])


@pytest.fixture
def photographs(fittool, write, pictures):
    """A run on pictures of cats and dogs, trained until it knows them."""
    return fittool(
        "train",
        write(
            *FROM_PICTURES,
            ("epochs: 2", "epochs: 40"),
            ("adam", "{Adam: {learning_rate: 0.01}}"),
            ("  validation_split: 0.25\n", ""),
        ),
    ).run.path


@pytest.fixture
def table(fittool, write):
    """Train on a table with columns a, b, kind and sum = 2 a + b."""
    chance = np.random.default_rng(3)
    a, b = chance.random((2, 40)).round(3)
    lines = [f"{x},{y},{'low' if x < 0.5 else 'high'},{2 * x + y}" for x, y in zip(a, b, strict=True)]
    write(text="\n".join(["a,b,kind,sum", *lines]) + "\n", name="table.csv")

    def table(label, units, activation, loss):
        changes = ("LABEL", f"{label}, features: [a, b]"), ("UNITS", units), ("ACTIVATION", activation), ("LOSS", loss)
        return fittool("train", write(*changes, text=TABLE)).run.path

    return table


def test_folder_of_classes_in_its_order(fittool, photographs):
    predicted = rows(fittool("predict", photographs, "pictures"))
    assert list(predicted[0]) == ["input", "prediction", "probability", "cat", "dog"]
    assert [row["prediction"] for row in predicted] == 6 * ["cat"] + 6 * ["dog"]
    assert predicted[7]["input"].endswith("pictures/dog/1.png")


def test_probabilities_add_up_and_the_largest_is_told(fittool, photographs):
    for row in rows(fittool("predict", photographs, "pictures")):
        probabilities = numbers(row, ["cat", "dog"])
        assert probabilities.sum() == pytest.approx(1, abs=1e-6)
        assert float(row["probability"]) == probabilities.max()


def test_files_in_the_order_given_with_the_names_given(fittool, photographs):
    predicted = rows(fittool("predict", photographs, "pictures/dog/3.png", "pictures/cat/1.png"))
    assert [(row["input"], row["prediction"]) for row in predicted] == [
        ("pictures/dog/3.png", "dog"),
        ("pictures/cat/1.png", "cat"),
    ]


def test_files_and_folders_together_stay_in_order(fittool, photographs, pictures):
    predicted = rows(fittool("predict", photographs, pictures / "dog" / "3.png", pictures / "cat", pictures / "dog" / "1.png"))
    assert [row["prediction"] for row in predicted] == ["dog", *6 * ["cat"], "dog"]


def test_colour_image_of_another_size_is_made_to_fit(fittool, photographs):
    Image.new("RGB", (50, 31), (200, 180, 190)).save("big.jpg")
    (row,) = rows(fittool("predict", photographs, "big.jpg"))
    assert row["prediction"] == "dog"


def test_npz_gives_what_the_files_give(fittool, photographs, pictures):
    images = np.stack([np.asarray(Image.open(path))[..., None] for path in sorted(pictures.rglob("*.png"))])
    np.savez("images.npz", x=images)
    by_file, by_array = (rows(fittool("predict", photographs, path)) for path in (pictures, "images.npz"))
    assert [row["dog"] for row in by_file] == [row["dog"] for row in by_array]


def test_batch_size_does_not_matter(fittool, photographs, pictures):
    alone = [rows(fittool("predict", photographs, path))[0]["dog"] for path in sorted(pictures.rglob("*.png"))]
    together = [row["dog"] for row in rows(fittool("predict", photographs, pictures))]
    assert np.allclose(np.array(alone, float), np.array(together, float), atol=1e-6)


def test_probabilities_are_those_of_the_network(fittool, photographs, pictures):
    fittool("predict", photographs, pictures, "--out", "p.npz")
    content = read_arrays("p.npz")
    assert set(content) == {"input", "output", "prediction", "classes"}
    assert content["output"].shape == (12, 2)
    assert list(content["classes"][content["output"].argmax(axis=1)]) == list(content["prediction"])


def test_every_form_says_the_same(fittool, photographs, pictures):
    shown = fittool("predict", photographs, pictures)
    for name in ("p.csv", "p.jsonl", "p.npz"):
        done = fittool("predict", photographs, pictures, "--out", name)
        assert (done.code, done.out) == (0, "")
    with open("p.csv", newline="") as file, open("p.jsonl") as lines:
        assert file.read() == shown.out
        assert [json.loads(line)["dog"] for line in lines] == [float(row["dog"]) for row in rows(shown)]
    assert read_arrays("p.npz")["output"][:, 1].tolist() == pytest.approx([float(row["dog"]) for row in rows(shown)])


def test_other_form_is_refused_before_anything_is_read(fittool, folder):
    done = fittool("predict", "no run", "x.png", "--out", "p.txt")
    assert (done.code, "must end in .csv, .jsonl or .npz" in done.err) == (2, True)


def test_best_is_used_unless_last_is_asked_for(fittool, write):
    path = write(*WORSE_AT_THE_END)
    run = fittool("train", path).run
    shown = [
        fittool("predict", run.path, "small.npz", *options).out
        for options in ([], ["--checkpoint", "best"], ["--checkpoint", "last"])
    ]
    assert shown[0] == shown[1] != shown[2]


def test_missing_and_damaged_files_are_named(fittool, photographs, pictures):
    done = fittool("predict", photographs, "no.png")
    assert (done.code, "no.png" in done.err) == (4, True)
    (pictures / "cat" / "0.png").write_bytes(b"text")
    done = fittool("predict", photographs, pictures)
    assert (done.code, "cat/0.png" in done.err, len(done.out.splitlines())) == (4, True, 12)


def test_skipped_files_are_told(fittool, write, pictures):
    run = fittool("train", write(*FROM_PICTURES), "--set", "data.on_bad_file=skip").run
    (pictures / "cat" / "0.png").write_bytes(b"text")
    done = fittool("predict", run.path, pictures)
    assert len(rows(done)) == 11
    assert "warning:" in done.err
    assert "cat/0.png" in done.err


def test_table_without_its_label_column(fittool, table, write):
    run = table("kind", "2", "softmax", "sparse_categorical_crossentropy")
    write(text="b,a\n0.5,0.01\n0.5,0.99\n", name="new.csv")
    predicted = rows(fittool("predict", run, "new.csv"))
    assert [row["prediction"] for row in predicted] == ["low", "high"]
    assert predicted[1]["input"].endswith("new.csv:3")


def test_two_classes_by_one_output(fittool, table, write):
    run = table("kind", "1", "sigmoid", "binary_crossentropy")
    write(text="a,b\n0.01,0.5\n0.99,0.5\n", name="new.csv")
    predicted = rows(fittool("predict", run, "new.csv"))
    assert [row["prediction"] for row in predicted] == ["low", "high"]
    assert numbers(predicted[0], ["high", "low"]).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("units", "loss"),
    [
        ("1", "{BinaryCrossentropy: {from_logits: true}}"),
        ("1", "{BinaryFocalCrossentropy: {from_logits: true}}"),
        ("2", "{SparseCategoricalCrossentropy: {from_logits: true}}"),
    ],
)
def test_logits_become_probabilities(fittool, table, units, loss):
    predicted = rows(fittool("predict", table("kind", units, "linear", loss), "table.csv"))
    probabilities = np.array([numbers(row, ["high", "low"]) for row in predicted])
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert {row["prediction"] for row in predicted} == {"high", "low"}


def test_logits_and_probabilities_of_the_same_network_agree(fittool, table):
    runs = [table("kind", "2", "linear", "{SparseCategoricalCrossentropy: {from_logits: true}}"),
            table("kind", "2", "softmax", "sparse_categorical_crossentropy")]  # fmt: skip
    first, second = ([numbers(row, ["low"]) for row in rows(fittool("predict", run, "table.csv"))] for run in runs)
    assert np.allclose(first, second, atol=1e-5)


def test_numbers_have_no_classes(fittool, table, write):
    run = table("sum", "1", "linear", "mse")
    write(text="a,b\n0.2,0.3\n0.9,0.1\n", name="new.csv")
    predicted = rows(fittool("predict", run, "new.csv"))
    assert list(predicted[0]) == ["input", "prediction"]
    assert np.allclose([float(row["prediction"]) for row in predicted], [0.7, 1.9], atol=0.25)


def test_several_numbers_have_a_column_each(fittool, table):
    run = table("[sum, a]", "2", "linear", "mse")
    assert list(rows(fittool("predict", run, "table.csv"))[0]) == ["input", "sum", "a"]


def test_table_without_a_column_is_refused(fittool, table, write):
    run = table("kind", "2", "softmax", "sparse_categorical_crossentropy")
    write(text="a,c\n1,2\n", name="new.csv")
    done = fittool("predict", run, "new.csv")
    assert (done.code, "new.csv" in done.err, "b" in done.err) == (4, True, True)


@pytest.mark.parametrize(("on_bad", "code", "count"), [("error", 4, 0), ("skip", 0, 0), ("empty", 0, 1)])
def test_a_bad_input_that_is_the_only_one_is_what_on_bad_makes_of_it(fittool, photographs, tmp_path, on_bad, code, count):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    done = fittool("predict", photographs, bad, "--on-bad", on_bad)
    assert (done.code, "bad.png: " in done.err) == (code, True)
    assert [row["prediction"] for row in csv.DictReader(io.StringIO(done.out))] == [""] * count
