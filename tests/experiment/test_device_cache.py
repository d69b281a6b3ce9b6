"""`cache: device` in experiments: the same weights as without it, refusals with what to do, and what is left to the processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError, MachineError
from fittool.experiment.check import check_experiment
from fittool.experiment.train import TrainOptions, train_experiment
from fittool.runs.directory import RunDirectory

Write = Callable[..., Path]
PICTURES = """\
name: held
seed: 3
engine: {torch: {device: cpu, threads: 1}}
data:
  train: {synthetic: {samples: 60, shape: [8, 8, 3], classes: 3}}
  cache: device
augmentation: {rotation_range: 20, horizontal_flip: true, zoom_range: 0.2, channel_shift_range: 10}
model:
  layers: [Rescaling: {scale: 1/255}, Flatten, Dropout: {rate: 0.2}, Dense: {units: 3, activation: softmax}]
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: 2, batch_size: 16, validation_split: 0.25, class_weight: balanced, view_metrics: false}
"""
MIXED = ("zoom_range: 0.2", "cutmix: 1"), ("loss: sparse_", "loss: ")
FIT = ("mode: fit_generator", "mode: fit"), ("augmentation:", "#")


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def trained(path: Path, run: Path, *overrides: str, **options: Any) -> RunDirectory:
    train_experiment(load_experiment(path, overrides), TrainOptions(run, quiet=True, **options))
    return RunDirectory.open(run)


def same(one: RunDirectory, other: RunDirectory) -> bool:
    """True where the last checkpoints hold the same bits."""
    first, second = (run.checkpoints.load("last.safetensors").tensors for run in (one, other))
    assert first.keys() == second.keys()
    return all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.mark.parametrize("changes", [(), FIT, MIXED], ids=["augmented", "fit", "mixed"])
def test_held_samples_give_the_same_weights(torch: Any, write: Write, tmp_path: Path, changes: Any) -> None:
    path = write(*changes, text=PICTURES)
    held, plain = trained(path, tmp_path / "held"), trained(path, tmp_path / "plain", "data.cache=none")
    assert same(held, plain)
    assert [row["val_accuracy"] for row in held.metrics.rows()] == [row["val_accuracy"] for row in plain.metrics.rows()]


def test_a_run_goes_on_with_another_cache(torch: Any, write: Write, tmp_path: Path) -> None:
    path = write(text=PICTURES)
    trained(path, tmp_path / "parts", "train.epochs=1")
    parts = trained(path, tmp_path / "parts", "data.cache=none", resume=True)
    assert same(parts, trained(path, tmp_path / "whole"))


def test_steps_that_are_trained_again_are_the_same(torch: Any, write: Write, tmp_path: Path, fittool: Any) -> None:
    trained(write(text=PICTURES), tmp_path / "run")
    done = fittool("verify", "--replay", "5", tmp_path / "run")
    assert done.code == 0, done.err
    assert fittool("evaluate", tmp_path / "run").code == 0


def test_stages_share_what_is_held(torch: Any, write: Write, tmp_path: Path) -> None:
    first = "{mode: fit_generator, epochs: 1, batch_size: 16, validation_split: 0.25}"
    stages = f"train:\n- {first}\n- {{mode: fit_generator, epochs: 1, batch_size: 8}}\n"
    path = write(text=PICTURES[: PICTURES.index("train: {mode")] + stages)
    assert same(trained(path, tmp_path / "held"), trained(path, tmp_path / "plain", "data.cache=none"))


def test_the_numpy_engine_is_refused_with_what_to_set(write: Write) -> None:
    path = write(text=PICTURES)
    with pytest.raises(ExperimentError, match=r"e\.yaml:6:3: data\.cache: device keeps .*Set cache: ram, or engine: torch"):
        check_experiment(load_experiment(path, ["engine=numpy"]))


def test_automatic_without_a_card_keeps_samples_in_memory_and_says_so(write: Write, tmp_path: Path) -> None:
    path = write(text=PICTURES)
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there may be a card")
    (warning,) = check_experiment(load_experiment(path, ["engine=auto"])).warnings
    assert "data.cache: device works as cache: ram here: engine: auto found no graphics card." in str(warning)
    assert same(
        trained(path, tmp_path / "auto", "engine=auto"), trained(path, tmp_path / "numpy", "engine=numpy", "data.cache=ram")
    )


def test_a_generator_is_refused(torch: Any, write: Write) -> None:
    generator = ("{synthetic: {samples: 60, shape: [8, 8, 3], classes: 3}}", '{python: {function: "mine:batches"}}')
    path = write(generator, ("augmentation:", "#"), text=PICTURES)
    (path.parent / "mine.py").write_text(
        "import numpy as np\n\ndef batches():\n    yield np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, int)\n"
    )
    text = r"data\.cache: device needs samples that can be counted, which a generator cannot offer\. Set cache: none"
    with pytest.raises(ExperimentError, match=text):
        check_experiment(load_experiment(path, ["~train.validation_split", "~train.class_weight"]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ((("zoom_range: 0.2", "rand_augment: {}"),), "rand_augment is done by the processor."),
        ((("zoom_range: 0.2", "random_erasing: {value: random}"),), "random_erasing.value: random is done by the processor."),
        ((("zoom_range: 0.2", 'preprocessing_function: "mine:double"'),), "preprocessing_function is done by the processor."),
    ],
)
def test_what_the_processor_must_do_is_said_once(torch: Any, write: Write, tmp_path: Path, changes: Any, told: str) -> None:
    path = write(*changes, text=PICTURES)
    (path.parent / "mine.py").write_text("def double(image):\n    return image\n")
    (warning,) = check_experiment(load_experiment(path)).warnings
    assert str(warning).endswith(f"Batches to train on are made in memory, and cross to the device one by one: {told}")
    assert same(trained(path, tmp_path / "held"), trained(path, tmp_path / "plain", "data.cache=none"))


def test_samples_that_do_not_fit_end_with_the_setting(
    torch: Any, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fittool.engines.torch_engine.held_samples import HeldSamples

    def too_small(self: HeldSamples, dataset: Any) -> None:
        raise MachineError("45 samples need 12 GiB in the memory of cuda. Set data.cache: ram.")

    monkeypatch.setattr(HeldSamples, "_check_room", too_small)
    with pytest.raises(MachineError, match=r"e\.yaml:6:3: 45 samples need 12 GiB .* Set data\.cache: ram") as failed:
        trained(write(text=PICTURES), tmp_path / "run")
    assert failed.value.exit_code == 6
    assert not (tmp_path / "run").exists()


def test_a_loop_of_the_users_gets_arrays(torch: Any, write: Write, tmp_path: Path) -> None:
    path = write(("mode: fit_generator", 'mode: train_on_batch, loop: "mine:loop"'), ("augmentation:", "#"), text=PICTURES)
    (path.parent / "mine.py").write_text(
        "def loop(model, batches, epoch):\n    for x, y, *w in batches:\n        assert x.shape[1:] == (8, 8, 3)\n"
        "        model.train_on_batch(x, y, *w)\n"
    )
    (warning,) = check_experiment(load_experiment(path)).warnings
    assert "a loop of your own takes arrays" in str(warning)
    trained(path, tmp_path / "run")
