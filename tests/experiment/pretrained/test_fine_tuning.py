from __future__ import annotations

import importlib.util
import json
import math

import numpy as np
import pytest
import yaml
from PIL import Image

import fittool as ft
from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError
from fittool.experiment.building.prepare import fit_together
from fittool.experiment.pretrained.fine_tuning import cut_before, head_of, last_stage_of, patterns
from fittool.experiment.show import expand_yaml
from fittool.nn.graph import Graph
from fittool.nn.presets import PRESETS
from fittool.runs.checkpoint import load_checkpoint

ENGINES = ["numpy", pytest.param("torch", marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch"))]
LAYERS = """
    - Rescaling: {scale: 1/255}
    - Conv2D: {filters: 4, kernel_size: 3, padding: same, name: stage1_conv, use_bias: false}
    - BatchNormalization: {name: stage1_norm, momentum: 0.5}
    - ReLU
    - MaxPooling2D
    - Conv2D: {filters: 4, kernel_size: 3, padding: same, name: stage2_conv, use_bias: false}
    - BatchNormalization: {name: stage2_norm, momentum: 0.5}
    - ReLU
    - GlobalAveragePooling2D
    - Dense: {units: 2, activation: softmax, name: predictions}
"""


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    for name, value in (("dark", 40), ("light", 200)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(8):
            pixels = (value + random.integers(-30, 30, (8, 8, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path


def experiment(folder, more="", engine="numpy", fine_tune="{head_epochs: 2, epochs: 1, learning_rate: 0.01}"):
    path = folder / "experiment.yaml"
    path.write_text(
        f"engine: {engine}\ndata: {{train: {{folder: {{path: pictures}}}}}}\nmodel:\n  layers:{LAYERS}"
        "compile: {optimizer: {SGD: {learning_rate: 0.1}}, loss: sparse_categorical_crossentropy}\n"
        f"train: {{mode: fit, batch_size: 4, validation_split: 0.25, verbose: 0}}\nfine_tune: {fine_tune}\n{more}"
    )
    return path


def rows(run, name):
    return [json.loads(line)[name] for line in (run.directory / "metrics.jsonl").read_text().splitlines()]


def weights(path):
    return {name: array for name, array in load_checkpoint(path).tensors.items() if name.startswith("weights/")}


@pytest.mark.parametrize(
    ("preset", "head", "stage"),
    [
        ("mobilenet_v2", ["predictions"], ["stage6_*", "stage7_*", "top_conv", "top_norm"]),
        ("efficientnet_b0", ["predictions"], ["stage6_*", "stage7_*", "top_conv", "top_norm"]),
        ("resnet18", ["predictions"], ["stage4_*"]),
        ("resnet50", ["predictions"], ["stage4_*"]),
        ("vgg16", ["dense1", "dense2", "predictions"], ["stage5_*"]),
        ("vit_ti_16", ["predictions"], ["block10_*", "block11_*", "block12_*", "norm"]),
    ],
)
def test_head_and_last_stage_of_the_presets(preset, head, stage):
    graph = Graph.build(PRESETS.parse(preset).expand(5), {"x": (224, 224, 3)})
    assert head_of(graph) == head
    assert patterns(graph, last_stage_of(graph)) == stage


def test_a_network_without_images_has_its_last_layer_for_a_head():
    graph = Graph.build(PRESETS.parse("mlp").expand(3), {"x": (5,)})
    assert head_of(graph) == ["dense_2"]


def test_batch_normalizations_stay_as_they_are_unless_named():
    graph = Graph.build(PRESETS.parse("mobilenet_v2").expand(5), {"x": (64, 64, 3)})
    learning = [name for name in last_stage_of(graph) if not name.endswith("_norm")]
    assert patterns(graph, learning) == ["stage6_*_conv", "stage7_*_conv", "top_conv"]


def test_show_prints_the_stages(pictures):
    shown = yaml.safe_load(expand_yaml(load_experiment(experiment(pictures)), defaults=False))
    assert "fine_tune" not in shown
    assert [(one["name"], one["epochs"], one["trainable"]) for one in shown["train"]] == [
        ("head", 2, ["predictions"]),
        ("fine_tuning", 1, ["stage2_conv", "predictions"]),
    ]
    assert shown["train"][1]["learning_rate"] == 0.01


def test_the_rate_falls_along_half_a_cosine_behind_a_gentle_epoch(pictures):
    long = "{head_epochs: 2, epochs: 5, learning_rate: 0.01, unfreeze: all}"
    shown = yaml.safe_load(expand_yaml(load_experiment(experiment(pictures, fine_tune=long)), defaults=False))
    assert shown["train"][1]["trainable"] == ["stage1_conv", "stage2_conv", "predictions"]
    assert "callbacks" not in shown["train"][0]
    assert [list(one) for one in shown["train"][1]["callbacks"]] == [["LearningRateScheduler"]]
    run = ft.train(ft.load_experiment(pictures / "experiment.yaml"))
    falling = [0.01 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]
    assert rows(run, "learning_rate") == pytest.approx([0.1, 0.1, 0.002, *falling])


def test_the_rate_stays_where_that_is_asked_for(pictures):
    steady = "{head_epochs: 1, epochs: 4, learning_rate: 0.01, schedule: null}"
    run = ft.train(ft.load_experiment(experiment(pictures, fine_tune=steady)))
    assert rows(run, "learning_rate") == [0.1, 0.01, 0.01, 0.01, 0.01]


def test_a_schedule_of_the_optimizer_does_not_go_with_it(pictures):
    path = experiment(pictures)
    cosine = "learning_rate: {CosineDecay: {initial_learning_rate: 0.1, total: auto}}}"
    path.write_text(path.read_text().replace("learning_rate: 0.1}", cosine))
    message = r"experiment.yaml:\d+:\d+: fine_tune sets a learning rate of its own, but the optimizer's .* is a schedule"
    with pytest.raises(ExperimentError, match=message):
        load_experiment(path)
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 0"))
    load_experiment(path)


@pytest.mark.parametrize("engine", ENGINES)
def test_frozen_layers_and_their_moving_averages_stay_as_they_are(pictures, engine):
    run = ft.train(ft.load_experiment(experiment(pictures, engine=engine, fine_tune="{head_epochs: 2, epochs: 0}")))
    graph = Graph.build(load_experiment(pictures / "experiment.yaml").experiment.model.layers, {"x": (8, 8, 3)})
    for name, array in weights(run.directory / "checkpoints" / "last.safetensors").items():
        drawn = graph.initial_weights(0)[name.removeprefix("weights/")]
        assert np.array_equal(array, drawn) == (not name.startswith("weights/predictions")), name


@pytest.mark.parametrize("engine", ENGINES)
def test_the_last_stage_learns_in_the_second_part(pictures, engine):
    run = ft.train(ft.load_experiment(experiment(pictures, engine=engine)))
    graph = Graph.build(load_experiment(pictures / "experiment.yaml").experiment.model.layers, {"x": (8, 8, 3)})
    changed = {
        name.removeprefix("weights/").partition("/")[0]
        for name, array in weights(run.directory / "checkpoints" / "last.safetensors").items()
        if not np.array_equal(array, graph.initial_weights(0)[name.removeprefix("weights/")])
    }
    assert changed == {"stage2_conv", "predictions"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", ["{SGD: {learning_rate: 0.1, momentum: 0.9}}", "{Adam: {learning_rate: 0.01}}"])
def test_rates_by_depth_are_factors_on_the_rate(pictures, engine, optimizer):
    """A layer at a factor of 0.1 moves as at a tenth of the rate; the first step of both begins at the same weights."""
    moved = {}
    for name, rates in (("whole", "{}"), ("tenth", "{stage2_*: 0.1}")):
        path = experiment(pictures, engine=engine, fine_tune="null")
        text = path.read_text().replace("fine_tune: null", "").replace("{SGD: {learning_rate: 0.1}}", optimizer)
        stage = f"{{name: one, mode: fit, batch_size: 16, epochs: 1, steps_per_epoch: 1, verbose: 0, learning_rates: {rates}}}"
        path.write_text(
            text.replace("train: {mode: fit, batch_size: 4, validation_split: 0.25, verbose: 0}", f"train: [{stage}]")
        )
        run = ft.train(ft.load_experiment(path))
        graph = Graph.build(load_experiment(path).experiment.model.layers, {"x": (8, 8, 3)})
        after = weights(run.directory / "checkpoints" / "last.safetensors")
        moved[name] = {key: after[f"weights/{key}"] - array for key, array in graph.initial_weights(0).items()}
    np.testing.assert_allclose(moved["tenth"]["stage2_conv/kernel"], 0.1 * moved["whole"]["stage2_conv/kernel"], atol=1e-6)
    np.testing.assert_allclose(moved["tenth"]["stage1_conv/kernel"], moved["whole"]["stage1_conv/kernel"], atol=1e-7)
    assert np.abs(moved["whole"]["stage2_conv/kernel"]).max() > 1e-4


def test_a_pattern_of_rates_that_fits_nothing_is_told_with_its_place(pictures):
    path = experiment(pictures, fine_tune="{learning_rates: {stage9_*: 0.1}}")
    with pytest.raises(ExperimentError, match=r"learning_rates: no layer with weights to learn is called stage9_\*"):
        ft.train(ft.load_experiment(path))


def test_stages_and_fine_tune_do_not_go_together(pictures):
    path = experiment(pictures)
    path.write_text(path.read_text().replace("train: {mode", "train:\n  - {mode"))
    with pytest.raises(ExperimentError, match="one train section beside fine_tune"):
        load_experiment(path)


def test_a_run_of_fine_tuning_goes_on_from_its_file(pictures):
    path = experiment(pictures)
    run = ft.train(ft.load_experiment(path))
    again = load_experiment(run.directory / "experiment.yaml").experiment
    assert again.fine_tune is None
    assert [stage.name for stage in again.stages] == ["head", "fine_tuning"]


def test_the_cut_lies_before_what_learns():
    graph = Graph.build(PRESETS.parse("resnet18").expand(5), {"x": (64, 64, 3)})
    assert cut_before(graph, {"predictions"}) == "pooling"
    assert cut_before(graph, {"stage4_block1_first_conv", "predictions"}) == "stage3_block2_relu"
    assert cut_before(graph, {"stage4_block1_second_conv"}) == "stage3_block2_relu"
    assert cut_before(graph, {"stem_conv"}) == "stem_pad"


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fittool" / "features"


def cached(folder, more="", **options):
    path = experiment(folder, more, **options)
    path.write_text(path.read_text().replace("{path: pictures}}}", "{path: pictures}}, cache: features}"))
    return path


@pytest.mark.parametrize("engine", ENGINES)
def test_learning_from_features_is_learning_from_the_pictures(pictures, own_cache, engine):
    plain = ft.train(ft.load_experiment(experiment(pictures, engine=engine)))
    fast = ft.train(ft.load_experiment(cached(pictures, engine=engine)))
    assert len(list(own_cache.glob("*.npz"))) == 4  # training and validation data of two stages
    one, other = (weights(run.directory / "checkpoints" / "last.safetensors") for run in (plain, fast))
    for name, array in one.items():
        np.testing.assert_allclose(other[name], array, atol=1e-5, err_msg=name)
    assert rows(plain, "val_loss") == pytest.approx(rows(fast, "val_loss"), abs=1e-5)


def test_features_are_taken_from_the_cache_the_second_time(pictures, own_cache, monkeypatch):
    ft.train(ft.load_experiment(cached(pictures)))
    from fittool.experiment.pretrained.feature_cache import FeatureDataset

    monkeypatch.setattr(FeatureDataset, "_computed", lambda *_: pytest.fail("computed again"))
    ft.train(ft.load_experiment(cached(pictures)))


def test_a_damaged_cache_is_computed_anew(pictures, own_cache):
    one = ft.train(ft.load_experiment(cached(pictures)))
    for file in own_cache.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    other = ft.train(ft.load_experiment(cached(pictures)))
    assert rows(one, "loss") == rows(other, "loss")


def test_a_run_whose_last_stage_learns_from_features_predicts_pictures(pictures, own_cache):
    run = ft.train(ft.load_experiment(cached(pictures, fine_tune="{head_epochs: 2, epochs: 0}")))
    assert len(rows(run, "loss")) == 2
    told = [one.text for one in fit_together(load_experiment(run.directory / "experiment.yaml")).warnings]
    assert not any("cache: features" in text for text in told)


def test_an_augmentation_that_is_left_out_is_told(pictures, own_cache):
    path = cached(pictures, "augmentation: {horizontal_flip: true}\n")
    path.write_text(path.read_text().replace("mode: fit,", "mode: fit_generator,"))
    told = " ".join(one.text for one in fit_together(load_experiment(path)).warnings)
    assert "stage head learns from features behind global_average_pooling2d of the pictures as they are, not augmented" in told


def test_a_cache_without_a_frozen_front_is_told(pictures, own_cache):
    path = cached(pictures, fine_tune="{head_epochs: 0, epochs: 1, unfreeze: all}")
    told = " ".join(one.text for one in fit_together(load_experiment(path)).warnings)
    assert "data.cache: features has no effect" in told
