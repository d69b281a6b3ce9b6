"""Weights of classes that stay: taken by their names, whatever place they have now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.config.experiment_file import load_experiment
from fittool.errors import CheckpointError
from fittool.experiment.train import Run, TrainOptions, train_experiment
from fittool.runs.checkpoint import load_checkpoint

DENSE = "{Dense: {units: UNITS, name: head}}"
HEADS = {
    "in one": f"[Flatten, {DENSE.replace('name', 'activation: softmax, name')}]",
    "activation behind it": f"[Flatten, {DENSE}, Softmax]",
    "normalization behind it": f"[Flatten, {DENSE}, {{BatchNormalization: {{name: norm}}}}, Softmax]",
    "dropout behind it": f"[Flatten, {DENSE}, {{Dropout: {{rate: 0.1}}}}, Softmax]",
}
OF_ONE_UNIT = "[Flatten, {Dense: {units: 1, activation: sigmoid, name: head}}]"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(
    classes: Sequence[str], layers: str, more: str = "", *, side: int = 4, loss: str = "sparse_categorical_crossentropy"
) -> Path:
    """An experiment on a folder of pictures, classes in this order."""
    folder = "-".join(classes)
    for number, name in enumerate(classes):
        Path(folder, name).mkdir(parents=True, exist_ok=True)
        for count in range(4):
            pixels = np.random.default_rng(10 * number + count).integers(0, 255, (side, side, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(f"{folder}/{name}/{count}.png")
    Path("e.yaml").write_text(
        f"seed: 3\ndata: {{train: {{folder: {{path: {folder}, classes: [{', '.join(classes)}]}}}}}}\n"
        f"model: {{layers: {layers.replace('UNITS', str(len(classes)))}}}\ncompile: {{optimizer: adam, loss: {loss}}}\n"
        f"train: {{epochs: 1, batch_size: 4, view_metrics: false}}\n{more}"
    )
    return Path("e.yaml")


def trained(path: Path, run: str, *, rate: float = 0.01) -> Run:
    loaded = load_experiment(path, [f"compile.optimizer.Adam.learning_rate={rate}"])
    return train_experiment(loaded, TrainOptions(Path(run), quiet=True))


def weights(run: str) -> dict[str, np.ndarray]:
    tensors = load_checkpoint(Path(run, "checkpoints/last.safetensors")).tensors
    return {name.removeprefix("weights/"): array for name, array in tensors.items() if name.startswith("weights/")}


def begun_from(old: Sequence[str], new: Sequence[str], layers: str, strict: bool = True) -> tuple[dict, dict, dict, str]:
    """The weights of the old run; those that the new one starts with, and would start with by itself; and what it told."""
    trained(written(old, layers), "old")
    path = written(new, layers, f"initial_weights: {{from: old, classes: by_name, strict: {str(strict).lower()}}}")
    trained(path, "new", rate=0)
    trained(written(new, layers), "drawn", rate=0)
    return weights("old"), weights("new"), weights("drawn"), Path("new/run.log").read_text()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    ("new", "kept"),
    [
        (["owl", "cat", "dog"], 3),
        (["cat", "bird", "owl"], 2),
        (["owl", "cat"], 2),
        (["ant", "bee", "dog", "cat", "fly"], 2),
        (["ant", "bee", "fly"], 0),
    ],
    ids=["reordered", "renamed", "fewer", "more", "all others"],
)
def test_rows_of_classes_that_stay_are_kept_and_others_are_new(head: str, new: list[str], kept: int) -> None:
    before = ["cat", "dog", "owl"]
    old, found, drawn, log = begun_from(before, new, HEADS[head])
    for place, name in enumerate(new):
        expected = old["head/kernel"][:, before.index(name)] if name in before else drawn["head/kernel"][:, place]
        assert np.array_equal(found["head/kernel"][:, place], expected), name
        expected = old["head/bias"][before.index(name)] if name in before else drawn["head/bias"][place]
        assert found["head/bias"][place] == expected
        if "norm/gamma" in found:
            assert found["norm/gamma"][place] == (old["norm/gamma"][before.index(name)] if name in before else 1)
    assert f"Of the last layer {kept} of {len(new)} classes were taken by name" in log


def test_layers_before_the_last_are_taken_whole() -> None:
    layers = f"[Flatten, {{Dense: {{units: 3, name: hidden}}}}, {DENSE.replace('name', 'activation: softmax, name')}]"
    old, found, _, _ = begun_from(["cat", "dog", "owl"], ["owl", "dog", "cat"], layers)
    assert np.array_equal(found["hidden/kernel"], old["hidden/kernel"])
    assert np.array_equal(found["head/kernel"], old["head/kernel"][:, ::-1])


@pytest.mark.parametrize(
    ("new", "factor", "kept"), [(["cat", "dog"], 1, 2), (["dog", "cat"], -1, 2), (["dog", "owl"], None, 0)], ids=str
)
def test_a_single_unit_tells_the_same_two_classes_apart(new: list[str], factor: int | None, kept: int) -> None:
    trained(written(["cat", "dog"], OF_ONE_UNIT, loss="binary_crossentropy"), "old")
    more = "initial_weights: {from: old, classes: by_name}"
    trained(written(new, OF_ONE_UNIT, more, loss="binary_crossentropy"), "new", rate=0)
    trained(written(new, OF_ONE_UNIT, loss="binary_crossentropy"), "drawn", rate=0)
    for name in ("head/kernel", "head/bias"):
        expected = weights("drawn")[name] if factor is None else factor * weights("old")[name]
        assert np.array_equal(weights("new")[name], expected)
    assert f"{kept} of 2 classes were taken by name" in Path("new/run.log").read_text()


def test_a_head_on_other_features_is_told_and_not_taken() -> None:
    trained(written(["cat", "dog", "owl"], HEADS["in one"]), "old")
    more = "initial_weights: {from: old, classes: by_name}"
    with pytest.raises(CheckpointError, match=r"head/kernel has shape \(48, 3\), the network's \(75, 2\)"):
        trained(written(["cat", "dog"], HEADS["in one"], more, side=5), "new")


def test_weights_without_names_of_classes_are_refused() -> None:
    from safetensors.numpy import save_file

    layers = HEADS["in one"]
    save_file({"fc.weight": np.zeros((2, 48), np.float32), "fc.bias": np.zeros(2, np.float32)}, "foreign.safetensors")
    path = written(["cat", "dog"], layers, "initial_weights: {from: foreign.safetensors, classes: by_name}")
    with pytest.raises(CheckpointError, match=r"e.yaml:6:\d+.*foreign.safetensors does not say the names of its classes"):
        trained(path, "new")
