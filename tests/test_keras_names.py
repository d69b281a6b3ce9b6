"""Keras's names as attributes and as modules, imported when they are asked for."""

from __future__ import annotations

import importlib
import inspect
import json
import random
import subprocess
import sys

import numpy as np
import pytest

import fittool as ft
from fittool.nn.activations import ACTIVATIONS, ALIASES
from fittool.nn.initializers import INITIALIZERS
from fittool.nn.layers import LAYERS
from fittool.nn.losses import LOSSES
from fittool.nn.metrics import METRICS
from fittool.nn.optimizers import OPTIMIZERS
from fittool.nn.regularizers import REGULARIZERS
from fittool.nn.schedules import SCHEDULES

FAMILIES = {
    "initializers": INITIALIZERS,
    "layers": LAYERS,
    "losses": LOSSES,
    "metrics": METRICS,
    "optimizers": OPTIMIZERS,
    "optimizers.schedules": SCHEDULES,
    "regularizers": REGULARIZERS,
    "schedules": SCHEDULES,
}
LINES = [
    "from fittool.layers import Dense, Input, concatenate",
    "from fittool.callbacks import EarlyStopping",
    "from fittool.optimizers import Adam, schedules",
    "from fittool.optimizers.schedules import ExponentialDecay",
    "import fittool.optimizers.schedules",
    "from fittool.losses import MeanSquaredError",
    "from fittool.metrics import AUC",
    "from fittool.models import Model, Sequential, load_model, model_from_json",
    "from fittool.regularizers import l1, l2, l1_l2, L2",
    "from fittool.initializers import HeNormal",
    "from fittool.activations import relu",
    "from fittool.utils import to_categorical, set_random_seed, load_img, img_to_array, image_dataset_from_directory, PyDataset",
    "from fittool.preprocessing import image, image_dataset_from_directory",
    "from fittool.preprocessing.image import ImageDataGenerator, load_img, img_to_array, array_to_img, save_img",
    "from fittool import Input, Model, Sequential, layers, models, optimizers, utils",
    "import fittool as ft; ft.optimizers.schedules.CosineDecay; ft.layers.Dense; ft.preprocessing.image.load_img",
    "import fittool as ft; ft.utils.to_categorical; ft.models.Sequential; ft.activations.relu; ft.schedules.OneCycle",
]


def test_every_line_runs_in_a_fresh_python():
    script = "import json, subprocess, sys\n" + "\n".join(f"exec({line!r}, {{}})" for line in LINES)
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_module_has_all_of_its_family(name):
    module = importlib.import_module(f"fittool.{name}")
    members = FAMILIES[name].members
    for member, kind in members.items():
        if member != "Input":
            assert getattr(module, member) is kind and member in module.__all__
    assert all(hasattr(module, public) for public in module.__all__)


def test_a_module_is_light():
    script = "import json, sys, fittool.losses; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"fittool.model", "fittool.training.trainer", "PIL", "yaml", "rich"}


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'sequential'"):
        _ = ft.sequential
    assert set(dir(ft)) >= {"Input", "Sequential", "layers", "utils"} and all(hasattr(ft, name) for name in dir(ft))


def test_activations_are_names_and_functions():
    module = ft.activations
    assert all(getattr(module, name) == name for name in [*ACTIVATIONS, *ALIASES] if name != "exp")
    layer = ft.layers.Dense(3, activation=module.relu)
    assert layer == ft.layers.Dense(3, activation="relu")
    values = np.array([[-1.0, 2.0]])
    assert np.array_equal(module.relu(values), [[0, 2]]) and module.softmax([1.0, 1.0]).tolist() == [0.5, 0.5]
    assert module.get("RELU") == module.relu and module.get(None) == "linear" and module.get(module.swish) == "silu"
    with pytest.raises(ValueError, match=r"no activation is called rellu\. Did you mean relu"):
        module.get("rellu")


@pytest.mark.parametrize(
    ("numbers", "classes", "shape"),
    [
        ([0, 2, 1], None, (3, 3)),
        ([[0], [1]], None, (2, 2)),
        ([[0, 1], [2, 0]], None, (2, 2, 3)),
        ([0.0, 1.0], 4, (2, 4)),
        ([], 2, (0, 2)),
    ],
)
def test_to_categorical_gives_one_hot_rows(numbers, classes, shape):
    rows = ft.utils.to_categorical(numbers, classes)
    assert rows.shape == shape and rows.dtype == np.float64
    assert np.array_equal(rows.argmax(axis=-1).reshape(-1), np.reshape(numbers, -1)) and (rows.sum(axis=-1) == 1).all()


@pytest.mark.parametrize(
    ("numbers", "classes", "text"),
    [
        ([0, 3], 3, "class numbers must be 0 to 2; got 0 to 3"),
        ([-1, 0], None, "class numbers must be 0 to 0; got -1 to 0"),
        ([0.5, 1], None, "takes class numbers"),
        (["a", "b"], None, "names of classes can be given to fit as they are"),
    ],
)
def test_to_categorical_refuses_what_is_no_class(numbers, classes, text):
    with pytest.raises(ValueError, match=text):
        ft.utils.to_categorical(numbers, classes)


@pytest.fixture
def _own_seed(monkeypatch):
    """The default seed of the process and the states of the global generators are put back afterwards."""
    monkeypatch.setattr("fittool.rng._default_seed", [])
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.mark.usefixtures("_own_seed")
def test_set_random_seed_decides_what_names_no_seed():
    def made(**seed):
        model = ft.Sequential([ft.Input(shape=(4,)), ft.layers.Dense(3)], **seed)
        images = np.zeros((4, 2, 2, 1))
        flows = [ft.ImageDataGenerator().flow(images) for _ in range(2)]
        return [model.seed, *(flow.seed for flow in flows), random.random(), np.random.rand()]

    assert made()[0] == 7
    ft.utils.set_random_seed(3)
    first = made()
    ft.utils.set_random_seed(3)
    assert made() == first and first[0] == 3 and first[1] != first[2]
    assert made(seed=5)[0] == 5
    ft.utils.set_random_seed(4)
    assert not set(made()) & set(first)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "x"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match="seed must be a whole number from 0"):
        ft.utils.set_random_seed(seed)


def test_a_sequence_of_batches_needs_its_two_methods():
    class Half(ft.utils.Sequence):
        def __len__(self):
            return 1

    with pytest.raises(TypeError, match="__getitem__"):
        Half()
    whole = type("Whole", (Half,), {"__getitem__": lambda self, index: None})
    with pytest.raises(TypeError, match="workers: give these to fit_generator"):
        whole(workers=2)


def test_train_takes_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITTOOL_VERBOSE", "0")
    (tmp_path / "e.yaml").write_text(
        "data: {train: {synthetic: {samples: 20, shape: [4], classes: 2}}}\n"
        "model: {layers: [{Dense: {units: 2, activation: softmax}}]}\n"
        "compile: {loss: sparse_categorical_crossentropy}\ntrain: {epochs: 1}\n"
    )
    for path in ("e.yaml", tmp_path / "e.yaml"):
        assert (ft.train(path).directory / "metrics.jsonl").exists()
    assert "experiment" in inspect.signature(ft.train).parameters
