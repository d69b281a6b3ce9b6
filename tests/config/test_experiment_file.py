"""Loading an experiment: defaults, paths, origins, and a resolved file that loads as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from fittool.config.experiment_file import RefusedExperimentError, load_experiment
from fittool.errors import ExperimentError, KeyPath, UsageError
from fittool.settings import plain

FULL = """\
name: full
seed: 7
engine: {numpy: {threads: 2}}
data:
  train: {folder: {path: ../pictures/train}}
  validation: {folder: {path: pictures/test}}
  image: {size: [32, 24], color_mode: grayscale}
augmentation: {rotation_range: 20, width_shift_range: 2, height_shift_range: [1, 3], zoom_range: [0.8, 1.1]}
model:
  layers:
    - Rescaling: {scale: 1/255}
    - Conv2D: {filters: 4, kernel_size: 3, name: first, kernel_regularizer: {L2: {l2: 1e-4}}}
    - Flatten
    - Dense: {units: 10, activation: softmax}
compile:
  optimizer: {SGD: {learning_rate: {ExponentialDecay: {initial_learning_rate: 1/3, decay_steps: 10, decay_rate: 0.9}}}}
  loss: {SparseCategoricalCrossentropy: {ignore_class: 3}}
  metrics: [acc, {SparseTopKCategoricalAccuracy: {k: 3, name: top3}}]
train: {mode: fit_generator, epochs: 3, class_weight: {no: 1.0, "1": 2.5}, workers: 2}
callbacks: [{EarlyStopping: {monitor: val_acc, patience: 5}}]
output: {dir: out, checkpoint: {every: {steps: 50}}}
"""


def test_defaults_are_those_of_keras(write: Callable[..., str]) -> None:
    train = load_experiment(write()).experiment.train
    assert (train.mode, train.epochs, train.batch_size, train.shuffle, train.workers) == ("fit", 10, 32, True, 1)


def test_fit_generator_trains_one_epoch_by_default(write: Callable[..., str]) -> None:
    assert load_experiment(write(), ["train.mode=fit_generator"]).experiment.train.epochs == 1


def test_the_name_is_the_files_by_default(write: Callable[..., str]) -> None:
    assert load_experiment(write(name="my first one.yaml")).experiment.name == "my-first-one"


def test_data_paths_are_relative_to_the_file_and_become_absolute(small: str, write: Callable[..., str], tmp_path: Path) -> None:
    loaded = load_experiment(write(FULL, "sub/e.yaml"))
    assert loaded.resolved["data"]["train"]["folder"]["path"] == str(tmp_path / "pictures/train")
    assert loaded.resolved["data"]["validation"]["folder"]["path"] == str(tmp_path / "sub/pictures/test")


@pytest.mark.parametrize("text", ["", FULL], ids=["small", "full"])
def test_the_resolved_file_loads_as_the_same_experiment(small: str, write: Callable[..., str], text: str) -> None:
    loaded = load_experiment(write(text or small))
    again = load_experiment(write(loaded.resolved_yaml(), "elsewhere/resolved.yaml"))
    assert again.experiment == loaded.experiment
    assert again.resolved_yaml() == loaded.resolved_yaml()
    assert again.warnings == ()


def test_resolved_layers_can_stand_in_for_a_preset(small: str, write: Callable[..., str]) -> None:
    preset = load_experiment(write(small.replace("layers: [Flatten, {Dense: {units: 10, activation: softmax}}]", "preset: mlp")))
    layers = load_experiment(write()).experiment.model.layers
    again = load_experiment(write(preset.resolved_yaml(layers), "resolved.yaml"))
    assert again.experiment.model.layers == layers


def test_origins_name_file_option_or_default(write: Callable[..., str]) -> None:
    origins = load_experiment(write(), ["train.epochs=3"]).origins
    assert origins["compile", "loss", "SparseCategoricalCrossentropy", "from_logits"] == "default"
    assert origins["model", "layers", 1, "Dense", "units"] == "e.yaml:4:30"
    assert origins["train", "epochs"] == "--set train.epochs=3"


def test_origins_can_stand_in_the_resolved_file(write: Callable[..., str]) -> None:
    loaded = load_experiment(write(), ["train.epochs=3"])
    text = loaded.resolved_yaml(origins=True)
    assert "\n  epochs: 3  # --set train.epochs=3\n" in text
    assert load_experiment(write(text, "again.yaml")).experiment.train == loaded.experiment.train


def marks(node: yaml.Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Where PyYAML finds each key and item of the file `e.yaml`."""
    if isinstance(node, yaml.MappingNode):
        inside = [(key, key.value, value) for key, value in node.value]
    else:
        inside = [(item, index, item) for index, item in enumerate(node.value)] if isinstance(node, yaml.SequenceNode) else []
    for marked, step, value in inside:
        yield (*path, step), f"e.yaml:{marked.start_mark.line + 1}:{marked.start_mark.column + 1}"
        yield from marks(value, (*path, step))


def values(data: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The key paths of all values that hold no other settings."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from values(value, (*path, key))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for index, item in enumerate(data):
            yield from values(item, (*path, index))
    else:
        yield path


def test_every_resolved_value_has_an_origin(write: Callable[..., str]) -> None:
    loaded = load_experiment(write(FULL))
    written = dict(marks(yaml.compose(FULL)))
    assert loaded.origins == {path: written.get(path, "default") for path in values(plain(loaded.experiment))}
    bare = {("model", "layers", 2), ("compile", "metrics", 0)}  # Flatten and acc, whose arguments nobody wrote
    assert {path for path in loaded.origins if path in written} == {*values(yaml.load(FULL, yaml.BaseLoader))} - bare


def test_place_is_that_of_the_setting_or_of_what_surrounds_it(write: Callable[..., str]) -> None:
    loaded = load_experiment(write())
    assert loaded.place("data", "train", "npz", "path") == "e.yaml:2:17"
    assert loaded.place("data", "train", "npz", "x") == "e.yaml:2:11"
    assert loaded.place("train", "epochs") == "e.yaml:1:1"


def test_a_later_problem_carries_place_and_excerpt(write: Callable[..., str]) -> None:
    problem = load_experiment(write()).problem("There is no such file.", "data", "train", "npz", "path")
    assert str(problem) == "e.yaml:2:17: There is no such file."
    assert problem.excerpt.endswith("  train: {npz: {path: digits.npz}}\n      |                 ^")


def test_a_missing_file_is_a_wrong_command_line(write: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match=r"^none\.yaml: There is no such experiment file\.$"):
        load_experiment("none.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "text\n"])
def test_a_file_without_keys(small: str, write: Callable[..., str], text: str) -> None:
    with pytest.raises(ExperimentError, match="must hold keys such as data:, model:"):
        load_experiment(write(text))


def test_a_section_without_anything_counts_as_absent(small: str, write: Callable[..., str]) -> None:
    assert load_experiment(write(small + "callbacks:\n  # - TerminateOnNaN\ntrain:\n")).experiment.callbacks == []


def test_what_is_right_is_checked_although_something_is_wrong(small: str, write: Callable[..., str]) -> None:
    text = small + "train: {epochs: 0, workers: 3, validation_steps: 2}\naugmentation: {}\n"
    with pytest.raises(RefusedExperimentError, match=r"train\.epochs must be at least 1(.|\n)*augmentation needs") as caught:
        load_experiment(write(text))
    assert [warning.place for warning in caught.value.warnings] == ["e.yaml:8:20", "e.yaml:8:32"]


def test_at_most_twenty_problems_are_told(small: str, write: Callable[..., str]) -> None:
    with pytest.raises(ExperimentError, match=r"key19 is not a setting.*\n… and 10 more\.$"):
        load_experiment(write(small + "".join(f"key{n}: 1\n" for n in range(30))))
