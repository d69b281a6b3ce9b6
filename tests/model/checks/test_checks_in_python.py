"""A model in Python warns of what `fittool check` finds, in the same words, each once."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.commands import Fittool, environment, fittool, folder

import fittool as ft
from fittool.config.yaml.writer import yaml_text

__all__ = ["fittool", "folder"]

CLASSES, ONE_HOT, BINARY = np.arange(24) % 3, np.eye(3, dtype=np.float32)[np.arange(24) % 3], np.arange(24) % 2
SEVERAL = np.stack([BINARY, 1 - BINARY, np.ones(24)], axis=1).astype(np.float32)
NUMBERS = np.linspace(0, 30, 24).astype(np.float32)
SPARSE = "sparse_categorical_crossentropy"


def dense(units: int, activation: str = "linear") -> dict[str, Any]:
    return {"Dense": {"units": units, "activation": activation}}


SENSELESS = {
    "softmax over one unit": (dense(1, "softmax"), "binary_crossentropy", [], BINARY, "softmax over a single unit is always 1"),
    "softmax before logits": (
        dense(3, "softmax"), {"SparseCategoricalCrossentropy": {"from_logits": True}}, [], CLASSES, "applies softmax itself",
    ),
    "sigmoid before logits": (
        dense(1, "sigmoid"), {"BinaryCrossentropy": {"from_logits": True}}, [], BINARY, "applies sigmoid itself",
    ),
    "relu before logits": (
        dense(3, "relu"), {"SparseCategoricalCrossentropy": {"from_logits": True}}, [], CLASSES, "takes numbers of either sign",
    ),
    "no softmax": (dense(3), SPARSE, [], CLASSES, "needs a probability for each class"),
    "no softmax, one-hot": (dense(3), "categorical_crossentropy", [], ONE_HOT, "needs a probability for each class"),
    "sigmoid for classes": (dense(3, "sigmoid"), SPARSE, [], CLASSES, "which makes each one by itself"),
    "no sigmoid": (dense(1), "binary_crossentropy", [], BINARY, "needs outputs from 0 to 1"),
    "softmax for several labels": (dense(3, "softmax"), "binary_crossentropy", [], SEVERAL, "at the cost of the others"),
    "tanh for large numbers": (dense(1, "tanh"), "mse", [], NUMBERS, "which gives -1 to 1 only"),
    "accuracy of a regression": (dense(1), "mse", ["accuracy"], NUMBERS, "is a share of right classes"),
    "F1 of one sigmoid": (dense(1, "sigmoid"), "binary_crossentropy", ["F1Score"], BINARY, "there is only one"),
    "largest of several sigmoids": (
        dense(3, "sigmoid"), "binary_crossentropy", ["categorical_accuracy"], SEVERAL, "looks at the largest of the outputs",
    ),
    "accuracy of logits": (
        dense(1), {"BinaryCrossentropy": {"from_logits": True}}, ["binary_accuracy"], BINARY, "the outputs are logits",
    ),
}  # fmt: skip
MEANT = {
    "softmax": (dense(3, "softmax"), SPARSE, ["accuracy"], CLASSES),
    "logits": (dense(3), {"SparseCategoricalCrossentropy": {"from_logits": True}}, ["accuracy"], CLASSES),
    "one-hot": (dense(3, "softmax"), "categorical_crossentropy", ["accuracy"], ONE_HOT),
    "sigmoid": (dense(1, "sigmoid"), "binary_crossentropy", ["accuracy", {"F1Score": {"threshold": 0.5}}], BINARY),
    "sigmoids": (dense(3, "sigmoid"), "binary_crossentropy", ["binary_accuracy"], SEVERAL),
    "numbers": (dense(1), "mse", ["mae"], NUMBERS),
    "more units than labels": (dense(5, "softmax"), SPARSE, [], CLASSES),
}


def inputs(samples: int = 24) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(samples, 4)).astype(np.float32)


def told(call: Callable[[], object]) -> list[str]:
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert {one.category for one in caught} <= {ft.SettingWarning}
    return [str(one.message) for one in caught]


def model(layer: dict[str, Any]) -> ft.Model:
    return ft.Model([layer], input_shape=(4,))


def trained(layer: dict[str, Any], loss: Any, metrics: list[Any], y: np.ndarray, x: np.ndarray | None = None) -> list[str]:
    """The warnings of making, compiling and training a model."""

    def train() -> None:
        made = model(layer)
        made.compile("sgd", loss, metrics=metrics)
        made.fit(inputs() if x is None else x, y, epochs=1, verbose=0)

    return told(train)


@pytest.mark.parametrize("case", SENSELESS.values(), ids=SENSELESS)
def test_what_makes_no_sense_is_told_once_in_the_words_of_check(fittool: Fittool, case: tuple[Any, ...]) -> None:
    *settings, text = case
    (said,) = trained(*settings)
    assert text in said
    layer, loss, metrics, y = settings
    np.savez("data.npz", x=inputs(), y=y)
    Path("e.yaml").write_text(
        yaml_text(
            {
                "data": {"train": {"npz": {"path": "data.npz"}}},
                "model": {"layers": [layer]},
                "compile": {"optimizer": "sgd", "loss": loss, "metrics": metrics},
            }
        )
    )
    assert said.partition(": ")[2] in fittool("check", "e.yaml").err


@pytest.mark.parametrize("case", MEANT.values(), ids=MEANT)
def test_nothing_is_said_of_what_is_meant(case: tuple[Any, ...]) -> None:
    assert trained(*case) == []


@pytest.mark.parametrize("loss", [SPARSE, {"SparseCategoricalCrossentropy": {"from_logits": True}}])
def test_compile_tells_what_no_data_are_needed_for(loss: Any) -> None:
    made = model(dense(3, "softmax" if isinstance(loss, dict) else "linear"))
    assert len(told(lambda: made.compile("sgd", loss))) == 1
    assert told(lambda: made.fit(inputs(), CLASSES, verbose=0, epochs=1)) == []
    assert len(told(lambda: made.compile("sgd", loss))) == 1, "it is another compile"


def test_a_model_that_is_built_by_its_data_tells_then() -> None:
    made = ft.Sequential([ft.layers.Dense(3)])
    assert told(lambda: made.compile("sgd", SPARSE)) == []
    assert len(told(lambda: made.fit(inputs(), CLASSES, verbose=0, epochs=1))) == 1
    assert told(lambda: made.fit(inputs(), CLASSES, verbose=0, epochs=1)) == []


def test_several_outputs_are_told_by_their_names() -> None:
    layers = [dense(2), {"Dense": {"units": 3, "name": "kind"}}, {"Dense": {"units": 1, "name": "size", "inputs": ["dense"]}}]
    made = ft.Model(layers, input_shape=(4,), outputs=["kind", "size"])
    (said,) = told(lambda: made.compile("sgd", {"kind": SPARSE, "size": "mse"}))
    assert "output kind ends without an activation" in said


def test_batches_are_looked_at_as_arrays_are() -> None:
    made = model(dense(1))
    made.compile("sgd", "mse", metrics=["accuracy"])
    (said,) = told(lambda: made.fit_generator(iter([(inputs(), NUMBERS)]), 1, verbose=0))
    assert "metrics: accuracy is a share of right classes" in said


def test_inputs_far_from_one() -> None:
    (said,) = trained(dense(3, "softmax"), SPARSE, [], CLASSES, x=inputs() * 1000)
    assert "nothing rescales them before dense" in said


def test_inputs_that_are_rescaled_twice() -> None:
    made = ft.Sequential([ft.Input((4,)), ft.layers.Rescaling(1 / 255), ft.layers.Dense(3, "softmax")])
    made.compile("sgd", SPARSE)
    (said,) = told(lambda: made.fit(np.random.default_rng(0).random((24, 4)), CLASSES, verbose=0, epochs=1))
    assert "layer rescaling: Rescaling multiplies by 1/255, but its inputs lie in 0" in said


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ({"sample_weight": np.zeros(24)}, "The weight of every sample is 0"),
        ({"class_weight": {0: 0.0, 1: 0.0, 2: 0.0}}, "class_weight: the weight of every class is 0"),
    ],
    ids=["samples", "classes"],
)
def test_weights_that_are_all_zero(weights: dict[str, Any], text: str) -> None:
    made = model(dense(3, "softmax"))
    made.compile("sgd", SPARSE)
    (said,) = told(lambda: made.fit(inputs(), CLASSES, verbose=0, epochs=1, **weights))
    assert text in said


def test_text_labels_of_fewer_classes_than_units_as_in_the_file(fittool: Fittool) -> None:
    words = np.array(["ant", "bee", "cat"])[CLASSES]
    (said,) = trained(dense(5, "softmax"), SPARSE, [], words)
    assert "The last layer has 5 units, but there are 3 classes" in said
    np.savez("data.npz", x=inputs(), y=words)
    text = yaml_text(
        {
            "data": {"train": {"npz": {"path": "data.npz"}}},
            "model": {"layers": [dense(5, "softmax")]},
            "compile": {"optimizer": "sgd", "loss": SPARSE},
        }
    )
    Path("e.yaml").write_text(text)
    done = fittool("check", "e.yaml")
    assert (done.code, said.partition(": ")[2] in done.err) == (0, True)


def test_more_text_labels_than_units_are_refused() -> None:
    made = model(dense(2, "softmax"))
    made.compile("sgd", SPARSE)
    with pytest.raises(ValueError, match=r"y gives class numbers \(0 to 2\), but the network's output has places for 0 to 1"):
        made.fit(inputs(), np.array(["ant", "bee", "cat"])[CLASSES], verbose=0)


def test_a_model_file_is_opened_in_silence(tmp_path: Path) -> None:
    made = model(dense(3))
    told(lambda: made.compile("sgd", SPARSE))
    made.save(tmp_path / "m.safetensors")
    assert told(lambda: ft.load_model(tmp_path / "m.safetensors")) == []


SCRIPT = """\
import fittool as ft
model = ft.Model([ft.layers.Dense(1, "softmax")], input_shape=(4,))
model.compile("sgd", "binary_crossentropy")
"""


def test_the_line_of_the_script_is_named(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert "script.py:3: SettingWarning: layer dense: softmax over a single unit is always 1" in done.stderr


def test_the_warning_can_be_switched_off() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ft.SettingWarning)
        model(dense(1, "softmax")).compile("sgd", "binary_crossentropy")


MUON = {
    "a name that is nowhere": ([dense(8), dense(3, "softmax")], {"Muon": {"exclude_layers": "head"}},
        'exclude_layers holds "head", but no matrix is called so. They are: dense/kernel, dense_1/kernel.'),
    "no matrix": ([{"LayerNormalization": {}}, {"Softmax": {}}], "Muon", "Muon has no matrix to move here: all weights are"),
    "every matrix left out": ([dense(3, "softmax")], {"Muon": {"exclude_layers": ["dense"]}}, "Muon has no matrix to move here"),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "optimizer", "text"), MUON.values(), ids=MUON)
def test_an_optimizer_that_can_do_nothing_is_told_as_check_tells_it(
    fittool: Fittool, layers: list[Any], optimizer: Any, text: str
) -> None:
    (said,) = told(lambda: ft.Model(layers, input_shape=(3,)).compile(optimizer, SPARSE))
    assert said.startswith(f"optimizer: {text}")
    np.savez("data.npz", x=inputs()[:, :3], y=CLASSES)
    experiment = {
        "data": {"train": {"npz": {"path": "data.npz"}}},
        "model": {"layers": layers},
        "compile": {"optimizer": optimizer, "loss": SPARSE},
    }
    Path("e.yaml").write_text(yaml_text(experiment))
    done = fittool("check", "e.yaml")
    assert done.code == 0 and said.partition(": ")[2] in done.err


def test_nothing_is_said_of_a_muon_that_turns_a_matrix() -> None:
    made = ft.Model([dense(8), {"Dense": {"units": 3, "activation": "softmax", "name": "head"}}], input_shape=(4,))
    assert told(lambda: made.compile({"Muon": {"exclude_layers": "head"}}, SPARSE)) == []
