"""What `fittool init` writes: it loads without warnings, and fits the data it was shown."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.config.experiment_file import LoadedExperiment, load_experiment
from fittool.errors import DataError
from fittool.experiment.building.prepare import fit_together
from fittool.nn.presets import Tabular
from fittool.scaffold.scaffold import from_data, scaffold


def picture(path: Path, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> None:
    """A picture of one colour that is no grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, "red" if mode == "RGB" else 99).save(path)


def fitted(data: Path, folder: Path) -> tuple[LoadedExperiment, tuple[str, ...]]:
    """The experiment that fits the data, loaded from another folder, and what was said."""
    experiment = folder / "made" / "experiment.yaml"
    experiment.parent.mkdir()
    made = from_data(data, experiment)
    experiment.write_text(made.text)
    loaded = load_experiment(experiment)
    assert loaded.warnings == ()
    return loaded, made.lines


def test_the_plain_scaffold_loads_without_warnings(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(scaffold())
    assert load_experiment(path).warnings == ()


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for index in range(9):
        picture(tmp_path / "photos/cat" / f"{index}.png")
    picture(tmp_path / "photos/owl/a.png", (40, 50))
    loaded, lines = fitted(tmp_path / "photos", tmp_path)
    experiment = loaded.experiment
    assert loaded.resolved["data"]["train"]["folder"]["path"] == str(tmp_path / "photos")
    assert (experiment.name, experiment.train.mode, experiment.train.class_weight) == ("photos", "fit_generator", "balanced")
    assert (experiment.data.image.size, experiment.data.image.color_mode) == ((32, 32), "rgb")
    assert lines[0] == f"{tmp_path}/photos/: 10 images in 2 classes (cat 9, owl 1), sizes 12×10 to 40×50"
    assert "class_weight balanced because owl has 10% of the samples" in lines[-1]


def test_small_grey_pictures_keep_their_size(tmp_path: Path) -> None:
    picture(tmp_path / "digits/0/a.png", (8, 9), "L")
    picture(tmp_path / "digits/1/a.png", (8, 9), "L")
    image = fitted(tmp_path / "digits", tmp_path)[0].experiment.data.image
    assert (image.size, image.color_mode) == ((9, 8), "grayscale")


def test_folders_train_and_test_are_used_as_such(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/b"):
        picture(tmp_path / "photos" / name / "x.png")
    loaded, _ = fitted(tmp_path / "photos", tmp_path)
    assert loaded.resolved["data"]["validation"]["folder"]["path"] == str(tmp_path / "photos/test")
    assert loaded.experiment.train.validation_split == 0


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    picture(tmp_path / "photos/a/x.png")
    picture(tmp_path / "photos/b/x.png")
    (tmp_path / "photos/b/notes.png").write_text("no image")
    _, lines = fitted(tmp_path / "photos", tmp_path)
    assert lines[1].startswith(f"  1 file cannot be read: {tmp_path}/photos/b/notes.png (")


@pytest.mark.parametrize(
    ("labels", "units", "loss"),
    [
        (["a", "b", "a", "b"] * 3, 2, "CategoricalCrossentropy"),
        (["0", "1", "2"] * 4, 3, "CategoricalCrossentropy"),
        (["a", "b"] * 2000, 2, "SparseCategoricalCrossentropy"),
        (["0.5", "1.25", "7", "8.5"] * 3, 1, "MeanSquaredError"),
    ],
    ids=["text", "numbers", "many", "amounts"],
)
def test_a_table(tmp_path: Path, labels: list[str], units: int, loss: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text("width,label,height\n" + "".join(f"{number % 9},{label},2\n" for number, label in enumerate(labels)))
    loaded = fitted(path, tmp_path)[0]
    experiment = loaded.experiment
    assert (experiment.model.preset, experiment.compile.loss.public_name()) == (Tabular(), loss)  # type: ignore[union-attr]
    assert fit_together(loaded).graph.output_shapes == {"dense_2": (units,)}
    assert experiment.data.train.label == ["label"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("values", "hinted"), [(5, False), (6, True)])
def test_whole_numbers_that_may_be_amounts_come_with_the_other_task(tmp_path: Path, values: int, hinted: bool) -> None:
    path = tmp_path / "table.csv"
    path.write_text("width,count\n" + "".join(f"{n % 9}.5,{n % values}\n" for n in range(90)))
    fitted(path, tmp_path)
    written = tmp_path / "made" / "experiment.yaml"
    text = written.read_text()
    assert ("If the labels are amounts" in text) == hinted
    if hinted:  # what it says, done
        text = re.sub(r"^  loss: .*$", "  loss: mean_squared_error", text, flags=re.MULTILINE)
        text = text.replace("metrics: [accuracy]", "metrics: [mean_absolute_error]").replace("kind: stratified", "kind: random")
        written.write_text(text.replace("\ndata:\n", "\ndata:\n  target: {scale: standard}\n"))
        assert fit_together(load_experiment(written)).graph.output_shapes == {"dense_2": (1,)}


@pytest.mark.parametrize(("rows", "hints"), [(999, 1), (1000, 0)])
def test_few_samples_come_with_the_hint_of_folds(tmp_path: Path, rows: int, hints: int) -> None:
    path = tmp_path / "table.csv"
    path.write_text("width,label\n" + "".join(f"{n % 9},{'ab'[n % 2]}\n" for n in range(rows)))
    fitted(path, tmp_path)
    written = tmp_path / "made" / "experiment.yaml"
    text = written.read_text()
    found = re.findall(r"^  # (validation: .*kfold.*)$", text, re.MULTILINE)
    assert len(found) == hints
    for setting in found:  # taken as it stands
        written.write_text(re.sub(r"^  validation: .*$", f"  {setting}", text, flags=re.MULTILINE))
        split = load_experiment(written).experiment.data.validation
        assert (split.kind, split.by, split.folds, split.fold) == ("kfold", "stratified", 5, 0)  # type: ignore[union-attr]


def test_a_table_in_the_order_of_its_classes_is_validated_on_a_share_of_each(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("x;y\n" + "1;a\n" * 10 + "2;b\n" * 10)
    loaded, lines = fitted(path, tmp_path)
    assert loaded.experiment.data.validation.kind == "stratified"  # type: ignore[union-attr]
    assert "validates on a fifth of each class" in lines[-1]
    assert loaded.resolved["data"]["train"]["csv"]["delimiter"] == ";"


def test_an_archive_of_images(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    np.savez(path, x_train=np.zeros((20, 8, 8), np.uint8), y_train=np.arange(20) % 4)
    loaded, lines = fitted(path, tmp_path)
    npz = loaded.resolved["data"]["train"]["npz"]
    assert (npz["x"], npz["y"], loaded.experiment.train.mode) == ("x_train", "y_train", "fit")
    assert lines[0] == f"{path}: 20 samples of shape 8×8, 4 classes (0 5, 1 5, 2 5, 3 5)"


def test_an_archive_of_numbers_to_predict(tmp_path: Path) -> None:
    path = tmp_path / "numbers.npz"
    np.savez(path, x=np.zeros((20, 3)), y=np.zeros((20, 2)))
    layers = fitted(path, tmp_path)[0].resolved["model"]["layers"]
    assert layers[-1]["Dense"]["units"] == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "There is no such file or folder"),
        ("data.bin", b"x", r"Give a folder with one folder of images for each class, a \.csv or a \.npz file"),
        ("data.txt", b"x", r"The file holds names of columns, but no rows"),
        ("data.npz", b"x", "data.npz is no readable NumPy file: File is not a zip file"),
        ("data.csv", b"a,b\n", "The file holds names of columns, but no rows"),
        ("data.csv", b"a\n1\n2\n", "No column looks like a label|There is no column to learn from"),
        ("data.csv", b"", "The file is empty"),
        ("data.csv", b"a,b\n1,\xff\0\n", "is no UTF-8"),
        ("x.npy", b"x", "There is no file of labels beside it"),
    ],
)
def test_what_cannot_be_trained_on(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        from_data(tmp_path / name)


def test_fractions_with_a_comma_beside_others_with_a_point_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a;b;y\n0,137;0.5;1.5\n0,248;0.7;2.5\n0,359;0.1;7.5\n0,412;0.9;3.5\n0,577;0.3;4.5\n")
    with pytest.raises(DataError, match="such as '0,137' in column a, but column b in another"):
        from_data(path, labels=["y"])


@pytest.mark.parametrize("cell", ["1e39", "-1e39", "1e400"])
@pytest.mark.parametrize("rows", [4, 40])
def test_a_number_that_is_too_large_is_refused_as_check_does(tmp_path: Path, cell: str, rows: int) -> None:
    path, by_hand = tmp_path / "table.csv", tmp_path / "hand.yaml"
    cells = [str(2.5 + number) for number in range(rows)]
    cells[2] = cell
    path.write_text("a,b,y\n" + "".join(f"{cells[number]},{1.5 * number},{number % 2}\n" for number in range(rows)))
    by_hand.write_text(
        "data: {train: {csv: {path: table.csv, label: y}}}\nmodel: {preset: linear}\n"
        "compile: {optimizer: Adam, loss: categorical_crossentropy}\ntrain: {epochs: 1, batch_size: 4}\n"
    )
    with pytest.raises(DataError) as checked:
        fit_together(load_experiment(by_hand))
    with pytest.raises(DataError) as looked:
        from_data(path, labels=["y"])
    problems = [[(Path(one.place).name, one.text) for one in found.value.problems] for found in (looked, checked)]
    assert problems == 2 * [[("table.csv:4", f"column a: {cell!r} is too large for float32. Scale the numbers.")]]


def test_every_column_with_a_number_that_is_too_large_is_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,y\n1e39,1.5,0\n2.5,1e400,1\n3.5,0.5,0\n4.5,7.5,1\n")
    with pytest.raises(DataError) as told:
        from_data(path, labels=["y"])
    assert [Path(one.place).name for one in told.value.problems] == ["table.csv:2", "table.csv:3"]


def test_a_folder_without_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "photos/x.png")
    with pytest.raises(DataError, match="Put the images of each class into a folder with the class's name"):
        from_data(tmp_path / "photos")


def test_photographs_are_trained_in_one_cycle_of_all_steps(tmp_path: Path) -> None:
    for index in range(100):
        picture(tmp_path / f"photos/{'ab'[index % 2]}" / f"{index}.png", (48, 40))
    loaded, lines = fitted(tmp_path / "photos", tmp_path)
    experiment = loaded.experiment
    assert [layer.public_name() for layer in experiment.model.layers or ()][-2:] == ["GlobalAveragePooling2D", "Dense"]
    assert loaded.resolved["augmentation"]["horizontal_flip"] is True
    rate = loaded.resolved["compile"]["optimizer"]["Adam"]["learning_rate"]["OneCycle"]
    assert (experiment.train.epochs, rate["total_steps"]) == (100, 300)  # of 80 images, in 3 batches
    assert "100 epochs in one cycle" in lines[-1]


def test_small_grey_pictures_are_not_mirrored(tmp_path: Path) -> None:
    for name in "01":
        for index in range(4):
            picture(tmp_path / f"digits/{name}/{index}.png", (16, 16), "L")
    loaded, lines = fitted(tmp_path / "digits", tmp_path)
    assert loaded.resolved["augmentation"]["horizontal_flip"] is False
    assert "early stopping on val_loss" in lines[-1]
