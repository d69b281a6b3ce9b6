"""Splits, fractions and oversampling as an experiment file has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.config.experiment_file import load_experiment
from fittool.data.images.decoding import read_image
from fittool.errors import DataError, ExperimentError
from fittool.experiment.building.data import open_data
from fittool.experiment.building.prepare import prepare
from fittool.experiment.check import check_experiment

MODEL = """
model: {layers: [{Rescaling: 1/255}, Flatten, {Dense: {units: 2, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: 1}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures of each of four animals, cats and dogs, all different."""
    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(0)
    for animal in ("cat/tom", "cat/kitty", "cat/felix", "dog/rex", "dog/bello", "dog/wolf"):
        for number in range(3):
            path = tmp_path / "pictures" / f"{animal}-{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(chance.integers(0, 256, (4, 4, 3), np.uint8)).save(path)
    return tmp_path


def loaded(data: str, *options: str):
    Path("e.yaml").write_text(f"data:\n{data}{MODEL}")
    return load_experiment("e.yaml", options)


def names(data) -> list[str]:
    return [Path(data.describe(index)).name for index in range(len(data))]


def test_groups_of_a_folder_are_found_by_a_pattern(folder: Path):
    opened = open_data(
        loaded("  train: {folder: {path: pictures}}\n  validation: {split: {kind: group, group: '(.*)-', fraction: 0.3}}\n")
    )
    inside, outside = ({name.split("-")[0] for name in names(part)} for part in (opened.validation, opened.train))
    assert inside
    assert not inside & outside
    assert len(opened.train) + len(opened.validation) == 18


def test_a_class_that_a_split_leaves_out_is_told_at_the_setting_that_was_written(folder: Path):
    np.savez("a.npz", x=np.arange(8.0)[:, None], y=np.repeat([0, 1], 4))
    train = "  train: {npz: {path: a.npz}}\n"
    written = loaded(f"{train}  validation: {{split: {{kind: last, fraction: 0.5}}}}\n")
    told = open_data(written).warnings[0]
    assert str(told).startswith("e.yaml:3:16: data.validation.split (last) leaves 1 class without samples to train on: 1.")
    told = open_data(loaded(train, "train.validation_split=0.5")).warnings[0]
    assert "validation_split: 0.5 leaves 1 class without samples to train on: 1." in str(told)


def test_groups_of_a_table_are_a_column(folder: Path):
    rows = "".join(f"{number},{number % 2},p{number // 4}\n" for number in range(40))
    Path("t.csv").write_text("value,kind,patient\n" + rows)
    opened = open_data(
        loaded(
            "  train: {csv: {path: t.csv, label: kind, features: value}}\n  validation: {split: {kind: group, group: patient}}\n"
        )
    )
    groups = [
        {int(value) // 4 for value in part.load(np.arange(len(part)))[0][0][:, 0]} for part in (opened.train, opened.validation)
    ]
    assert len(opened.validation) == 8
    assert not groups[0] & groups[1]


def test_groups_of_an_archive_are_an_array(folder: Path):
    np.savez("a.npz", x=np.arange(40.0)[:, None], y=np.arange(40) % 2, group=np.arange(40) // 10)
    opened = open_data(
        loaded("  train: {npz: {path: a.npz}}\n  validation: {split: {kind: kfold, by: group, folds: 4, group: group}}\n")
    )
    assert len(opened.validation) == 10


@pytest.mark.parametrize(
    ("split", "message"),
    [("{kind: group, group: '[0-9'}", "no regular expression"), ("{kind: group, group: 'zebra'}", "finds nothing in cat/"),
     ("{kind: kfold, folds: 19}", "19 folds need as many samples, but there are 18")],
)  # fmt: skip
def test_a_split_that_cannot_be_is_told_at_its_line(folder: Path, split: str, message: str):
    with pytest.raises((DataError, ExperimentError), match=rf"e\.yaml:3:.*{message}"):
        open_data(loaded(f"  train: {{folder: {{path: pictures}}}}\n  validation: {{split: {split}}}\n"))


def test_a_fold_that_is_not_there_is_told_before_any_data_are_read(folder: Path):
    with pytest.raises(ExperimentError, match="fold below folds, which is 5"):
        loaded("  train: {npz: {path: missing.npz}}\n  validation: {split: {kind: kfold, fold: 5}}\n")


def test_two_ways_to_validate_exclude_each_other(folder: Path):
    with pytest.raises(ExperimentError, match="both give validation data"):
        loaded("  train: {npz: {path: a.npz}}\n  validation: {split: {kind: random}}\n", "train.validation_split=0.2")


def test_a_setting_that_the_kind_does_not_look_at_is_told(folder: Path):
    experiment = loaded("  train: {npz: {path: a.npz}}\n  validation: {split: {kind: random, folds: 3}}\n")
    assert "data.validation.split.folds has no effect on a split of kind random" in str(experiment.warnings[0])


def test_fraction_and_oversampling_leave_validation_alone(folder: Path):
    prepared = prepare(
        loaded(
            "  train: {folder: {path: pictures}}\n  validation: {split: {kind: stratified, fraction: 0.3333}}\n"
            "  fraction: 0.5\n  oversample: balanced\n"
        )
    )
    assert (len(prepared.train), len(prepared.validation)) == (6, 6)
    assert prepared.train_loader().samples == 6


def test_oversampling_needs_classes_at_its_line(folder: Path):
    np.savez("a.npz", x=np.zeros((8, 2)), y=np.linspace(0, 1, 8))
    text = "  train: {npz: {path: a.npz}}\n  oversample: balanced\n"
    experiment = loaded(text, "compile.loss=mse", "compile.metrics=[]", "model.layers.2.Dense={units: 1}")
    with pytest.raises(DataError, match=r"e\.yaml:3:.*needs targets that are classes"):
        prepare(experiment).train_loader()


def test_check_counts_the_classes_of_both_parts(folder: Path):
    report = check_experiment(
        loaded("  train: {folder: {path: pictures}}\n  validation: {split: {kind: stratified, fraction: 0.3333}}\n")
    )
    assert report.counts[:3] == (
        "to train: cat 6, dog 6",
        "to validate: cat 3, dog 3",
        "inputs: images 4 x 4 (height x width), 3 channels, pixels 0 to 255",
    )


def test_check_of_the_data_finds_pictures_in_both_parts(folder: Path):
    picture = Image.open(folder / "pictures" / "cat" / "felix-0.png")
    picture.save(folder / "pictures" / "dog" / "zzz.bmp")
    experiment = loaded("  train: {folder: {path: pictures}}\n  validation: {split: {kind: last, fraction: 0.25}}\n")
    told = [str(warning) for warning in check_experiment(experiment, decode=True).warnings]
    assert any("cat/felix-0.png and " in line and "dog/zzz.bmp are the same, one in training" in line for line in told)
    assert told[-1] == "1 sample leaks from training into validation."
    assert not check_experiment(experiment).warnings


def test_check_of_the_data_names_every_bad_file(folder: Path):
    for number in range(30):
        (folder / "pictures" / "cat" / f"bad{number:02}.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as refusal:
        check_experiment(loaded("  train: {folder: {path: pictures}}\n"), decode=True)
    assert len(refusal.value.problems) == 30
    assert all(f"bad{number:02}.png: " in str(refusal.value.problems[number]) for number in range(30))


def test_check_of_the_data_tells_bad_files_and_leaks_in_one_go(folder: Path):
    (folder / "pictures" / "cat" / "aaa.png").write_bytes(b"no picture")
    for number in range(25):
        name = f"pictures/cat/many{number:02}.png"
        Image.new("RGB", (4, 4)).save(folder / name)
    source = "  train: {folder: {path: pictures}}\n  validation: {folder: {path: pictures}}\n"
    with pytest.raises(DataError) as refusal:
        check_experiment(loaded(source), decode=True)
    assert [Path(problem.place).name for problem in refusal.value.problems] == ["aaa.png", "aaa.png"]
    told = [str(warning) for warning in refusal.value.warnings]
    assert len(told) == 21
    assert told[-1] == "43 samples leak from training into validation: these 20 and 23 more."


def test_check_of_the_data_shows_how_far_it_is_and_reads_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    steps: list[tuple[str, int, int]] = []
    monkeypatch.setattr(
        "fittool.data.images.image_files.read_image", lambda path, *more: read.append(path) or read_image(path, *more)
    )
    data = "  train: {folder: {path: pictures}}\n  validation: {split: {kind: last, fraction: 0.5}}\n  image: {size: [4, 4]}\n"
    check_experiment(loaded(data), decode=True, loading=lambda what: lambda done, total: steps.append((what, done, total)))
    assert steps == [("validation data", 10, 10), ("training data", 8, 8)]
    assert len(set(read)) == 18
    assert len(read) <= 22  # every picture once, and a few again to learn their size, the scale of the pixels and the memory


def test_check_of_the_data_says_what_it_did_not_look_at(folder: Path):
    experiment = loaded("  train: {folder: {path: pictures}}\n  fraction: 0.5\n")
    said = check_experiment(experiment, decode=True).counts[-1]
    assert said == "looked at the 8 samples to train on that data.fraction: 0.5 keeps, and not at the others"


def test_a_damaged_first_file_does_not_spoil_those_that_keep_their_size(folder: Path):
    (folder / "pictures" / "cat" / "aaa.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 9)).save(folder / "pictures" / "dog" / "large.png")
    with pytest.raises(DataError) as refusal:
        check_experiment(loaded("  train: {folder: {path: pictures}}\n  image: {size: null}\n"), decode=True)
    assert [Path(problem.place).name for problem in refusal.value.problems] == ["aaa.png", "large.png"]
