"""Standardisation, mixing, until_epoch and test-time augmentation in whole runs."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import CheckpointError, ExperimentError, UsageError, UserCodeError
from fittool.experiment.building.prepare import prepare
from fittool.experiment.evaluate import evaluate
from fittool.experiment.show import summary_table
from fittool.experiment.train import TrainOptions, train_experiment
from fittool.experiment.trained_run import open_trained

TEXT = """\
seed: 3
data: {{train: {{npz: {{path: images.npz}}}}, class_mode: {form}}}
augmentation: {augmentation}
model: {{layers: [Flatten, {{Dense: {{units: 3, activation: softmax, name: last}}}}]}}
compile: {{optimizer: sgd, loss: {loss}, metrics: [accuracy]}}
train: {{mode: fit_generator, batch_size: 8, validation_split: 0.25, {train}}}
"""
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 2), dtype=np.uint8)


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("images.npz", x=IMAGES, y=np.arange(40) % 3)

    def write(augmentation: str, *, loss: str = "sparse_categorical_crossentropy", train: str = "epochs: 2", form: str = "auto"):
        path = tmp_path / "e.yaml"
        path.write_text(TEXT.format(augmentation=augmentation, loss=loss, train=train, form=form))
        return path

    return write


def trained(path, **options):
    return train_experiment(load_experiment(path), TrainOptions(path.parent / "run", quiet=True, **options))


STANDARD = "{rescale: 1/255, featurewise_std_normalization: true, horizontal_flip: true}"


def test_statistics_are_of_the_training_part_and_in_the_checkpoint(write) -> None:
    run = trained(write(STANDARD))
    state = open_trained(run.directory).checkpoint.tensors
    assert np.allclose(state["weights/standardization/mean"], (IMAGES[:30] / 255).mean(axis=(0, 1, 2)), atol=1e-6)
    assert np.allclose(state["weights/standardization/std"], (IMAGES[:30] / 255).std(axis=(0, 1, 2)), atol=1e-6)


def test_a_finished_run_measures_what_training_measured(write) -> None:
    run = trained(write(STANDARD))
    assert evaluate(open_trained(run.directory))["loss"] == pytest.approx(run.outcome.best.row["val_loss"], rel=1e-6)


def test_a_resumed_run_is_the_run(write) -> None:
    path = write(STANDARD)
    straight = trained(path).directory
    again = load_experiment(straight / "experiment.yaml")
    assert [layer.public_name() for layer in again.experiment.model.layers] == ["Flatten", "Dense"]
    assert prepare(again).identity == prepare(load_experiment(path)).identity


def test_the_summary_shows_the_layer(write) -> None:
    assert "standardization" in summary_table(write(STANDARD))
    assert "standardization" not in summary_table(write("{horizontal_flip: true}"))


def test_a_wrong_layer_is_told_at_its_own_line(write) -> None:
    path = write(STANDARD)
    path.write_text(path.read_text().replace("[Flatten,", "[Flatten, MaxPooling2D,"))
    with pytest.raises(ExperimentError, match=r"e.yaml:4:27: .*MaxPooling2D"):
        prepare(load_experiment(path))


def test_own_function_changes_training_and_validation(write, tmp_path) -> None:
    (tmp_path / "mine.py").write_text("def half(image):\n    return image / 2\n")
    prepared = prepare(load_experiment(write('{preprocessing_function: "mine:half"}')))
    assert np.array_equal(next(prepared.validation_loader().batches(0)).inputs[0], IMAGES[30:38] / np.float32(2))
    assert next(prepared.train_loader().batches(0)).inputs[0].max() <= 127.5


def test_own_function_must_keep_the_shape(write, tmp_path) -> None:
    (tmp_path / "mine.py").write_text("def half(image):\n    return image[:2]\n")
    with pytest.raises(UserCodeError, match=r"mine:half must give an image of the shape it gets, \(4, 4, 2\)"):
        trained(write('{preprocessing_function: "mine:half"}'))


def test_own_function_of_a_run_needs_consent(write, tmp_path) -> None:
    (tmp_path / "mine.py").write_text("def half(image):\n    return image / 2\n")
    path = write('{preprocessing_function: "mine:half"}')
    run = trained(path)
    with pytest.raises(CheckpointError, match="--experiment"):
        open_trained(run.directory)
    measured = evaluate(open_trained(run.directory, experiment=path))
    assert measured["loss"] == pytest.approx(run.outcome.best.row["val_loss"], rel=1e-6)


def test_random_changes_end_with_their_epoch(write) -> None:
    loader = prepare(load_experiment(write("{rotation_range: 40, mixup: 1.0, until_epoch: 2}", loss="categorical_crossentropy")))
    batches = list(zip(range(16), loader.train_loader().batches(0), strict=False))
    plain = {image.tobytes() for image in IMAGES}
    of_epoch = [[image.tobytes() in plain for step, batch in batches if step // 4 == epoch for image in batch.inputs[0]]
                for epoch in range(4)]  # fmt: skip
    assert [all(epoch) for epoch in of_epoch] == [False, False, True, True]


def test_alternating_flips_go_by_sample(write) -> None:
    loader = prepare(load_experiment(write("{horizontal_flip: alternating}"))).train_loader()
    batches = [batch for _, batch in zip(range(8), loader.batches(0), strict=False)]
    seen = [{image.tobytes() for batch in batches[start : start + 4] for image in batch.inputs[0]} for start in (0, 4)]
    both = {image.tobytes() for picture in IMAGES[:30] for image in (picture, picture[:, ::-1])}
    assert seen[0].isdisjoint(seen[1])
    assert seen[0] | seen[1] == both


def test_mixing_is_the_same_for_any_number_of_workers(write) -> None:
    def batches(workers: int):
        train = f"epochs: 2, workers: {workers}"
        path = write("{mixup: 0.3, cutmix: 1, rotation_range: 9}", loss="categorical_crossentropy", train=train)
        walk = prepare(load_experiment(path)).train_loader().batches(0)
        made = [next(walk) for _ in range(9)]
        walk.close()
        return [array.tobytes() for batch in made for array in (*batch.inputs, *batch.targets)]

    assert batches(0) == batches(3)


def test_class_numbers_are_not_mixed(write) -> None:
    with pytest.raises(ExperimentError, match=r"e.yaml:5:\d+: augmentation.mixup .* Use categorical_crossentropy"):
        prepare(load_experiment(write("{mixup: 0.2}")))


def test_stages_share_what_belongs_to_the_network(write) -> None:
    path = write("{rescale: 0.5}")
    text = path.read_text()
    stages = "train: [{mode: fit_generator}, {mode: fit_generator, augmentation: {rescale: 0.25}}]\n"
    path.write_text(text[: text.index("train: {mode")] + stages)
    with pytest.raises(ExperimentError, match=r"rescale must be that of the first augmented stage, 0.5: it belongs to the net"):
        load_experiment(path)


def test_batches_of_a_function_are_not_augmented(write) -> None:
    path = write("{rotation_range: 9}", train="epochs: 1")
    source = "python: {function: mine:batches}"
    path.write_text(path.read_text().replace("npz: {path: images.npz}", source.replace("mine:batches", '"mine:batches"')))
    with pytest.raises(ExperimentError, match="augmentation does not reach the batches of a python source"):
        load_experiment(path)


def test_views_are_averaged_and_always_the_same(write) -> None:
    run = open_trained(trained(write("{rescale: 1/255, rotation_range: 90}")).directory)
    plain, several = evaluate(run), evaluate(run, views=5)
    assert several == evaluate(run, views=5)
    assert several["loss"] != plain["loss"]


def test_views_need_an_augmentation(write) -> None:
    run = open_trained(trained(write("{rescale: 1/255}")).directory)
    with pytest.raises(UsageError, match=r"--tta .* none that changes images at random"):
        evaluate(run, views=2)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_a_hinge_takes_mixed_signs_but_not_mixed_zeros_and_ones(write, loss) -> None:
    changes = ("units: 3, activation: softmax", "units: 1"), (", metrics: [accuracy]", "")
    path = write("{mixup: 0.2}", loss=loss)
    text = path.read_text()
    for old, new in changes:
        text = text.replace(old, new)
    path.write_text(text)
    np.savez("images.npz", x=IMAGES, y=np.arange(40) % 2)
    with pytest.raises(ExperimentError, match=r"e.yaml:5:\d+: augmentation.mixup .* Write the labels as -1 and 1"):
        prepare(load_experiment(path))
    np.savez("images.npz", x=IMAGES, y=np.arange(40) % 2 * 2 - 1)
    assert prepare(load_experiment(path)).targets
