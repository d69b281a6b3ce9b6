"""`--set KEY=VALUE` and `~KEY`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError, UsageError

Write = Callable[..., str]


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("train.epochs=3", ("train", "epochs"), 3),
        ("name=b", ("name",), "b"),
        ('name="007"', ("name",), "007"),
        ("model.layers.1.Dense.units=64", ("model", "layers", 1, "Dense", "units"), 64),
        ("model.layers[1].dense.units=64", ("model", "layers", 1, "Dense", "units"), 64),
        ("model.layers.0.Flatten.name=flat", ("model", "layers", 0, "Flatten", "name"), "flat"),
        ("compile.optimizer.Adam.learning_rate=1e-2", ("compile", "optimizer", "Adam", "learning_rate"), 0.01),
        ("compile.optimizer.SGD.learning_rate.ExponentialDecay={initial_learning_rate: 1, decay_steps: 2, decay_rate: 1/2}",
         ("compile", "optimizer", "SGD", "learning_rate", "ExponentialDecay", "decay_rate"), 0.5),
        ("model.preset.mlp.units=[4, 2]", ("model", "preset", "mlp", "units"), [4, 2]),
        ("train.class_weight={no: 2}", ("train", "class_weight", "no"), 2),
        ("train.class_weight.no=2", ("train", "class_weight", "no"), 2),
        ("data.train.npz.path=${ENV:NPZ:/x.npz}", ("data", "train", "npz", "path"), "/x.npz"),
    ],
)  # fmt: skip
def test_set(small: str, write: Write, setting: str, path: tuple[str | int, ...], value: object) -> None:
    resolved: object = load_experiment(write(), [setting], {}).resolved
    for step in path:
        resolved = resolved[step]  # type: ignore[index]
    assert resolved == value


def test_later_settings_win(write: Write) -> None:
    assert load_experiment(write(), ["seed=1", "seed=2"]).experiment.seed == 2


def test_delete(small: str, write: Write) -> None:
    assert load_experiment(write(small + "train: {epochs: 3}\n"), ["~train.epochs"]).experiment.train.epochs == 10


def test_delete_an_item_of_a_list(write: Write) -> None:
    assert len(load_experiment(write(), ["~model.layers.0"]).experiment.model.layers or []) == 1


def test_paths_are_relative_to_the_working_directory(write: Write, tmp_path: object) -> None:
    loaded = load_experiment(write(name="sub/e.yaml"), ["data.train.npz.path=x.npz"])
    assert loaded.resolved["data"]["train"]["npz"]["path"] == f"{tmp_path}/x.npz"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.epoch=3", r"^--set train\.epoch=3: train\.epoch is not a setting\. Did you mean epochs\?$"),
        ("trian.epochs=3", r"trian is not a setting\. Did you mean train\?"),
        ("compile.optimizer.Adm.learning_rate=1", r"compile\.optimizer\.Adm is not a setting\. Did you mean Adam\?"),
        ("model.layers.7.Dense.units=1", r"model\.layers has 2 items, counted from 0; there is no item 7\."),
        ("callbacks.0.EarlyStopping.patience=1", r"callbacks is an empty list; there is no item 0\."),
        ("seed.x=1", r"seed\.x is not a setting\."),
        ("~sed", r"sed is not in the experiment\."),
        ("~compile.los", r"compile\.los is not in the experiment\. Did you mean loss\?"),
        ("train.epochs", r"Write KEY=VALUE, such as train\.epochs=3, or ~KEY to delete a setting\."),
        ("~seed=3", r"Write KEY=VALUE"),
        ("=3", r"Write KEY=VALUE"),
        ("train..epochs=3", r"Write KEY=VALUE"),
        ("seed=[1", r"^--set seed=\[1: A list opened with '\[' is never closed"),
        ("seed=!t 3", r"Tags are not allowed"),
        ("seed=${ENV:NONE}", r"The environment variable NONE is not set"),
    ],
)
def test_refusal(write: Write, setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_experiment(write(), [setting], {})


def test_all_wrong_settings_are_told(write: Write) -> None:
    with pytest.raises(UsageError, match=r"a is not a setting.*\n.*b is not a setting"):
        load_experiment(write(), ["a=1", "b=1"])


def test_a_value_that_does_not_fit_is_a_wrong_command_line(write: Write) -> None:
    with pytest.raises(ExperimentError, match=r"^--set train\.epochs=0: train\.epochs must be at least 1, got 0\.$") as caught:
        load_experiment(write(), ["train.epochs=0"])
    assert caught.value.exit_code == 2
