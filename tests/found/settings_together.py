"""Settings that make no sense together, beside the last layer: shapes, weights, learning rates, inputs, options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from faults.cases.runner import ROOT, Case, here
from found.last_layers import SPARSE

EXPERIMENT = """\
name: together
data:
  train: SOURCE
model:
  layers: [LAYERS]
compile: COMPILE
train: {epochs: 1, batch_size: 8, verbose: 2, view_metrics: falseTRAIN}
CALLBACKS"""
LEARN = "{loss: sparse_categorical_crossentropy}"
FOUR = "{Dense: {units: 3, activation: softmax}}"
RNG = np.random.default_rng(2)
IMAGES = RNG.integers(0, 256, (24, 6, 6, 1)).astype(np.uint8)
TABLE = RNG.normal(size=(24, 4)).astype(np.float32)
CLASSES = np.arange(24) % 3


def making(
    layers: str = FOUR,
    *options: str,
    x: np.ndarray = TABLE,
    compiled: str = LEARN,
    train: str = "",
    callbacks: str = "",
    source: str = "{npz: {path: data.npz}}",
    command: str = "check",
    **arrays: np.ndarray,
) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        np.savez(folder / "data.npz", **{"x": x, "y": CLASSES, **arrays})
        rows = "".join(f"{a},{b},{'uvw'[c]},0\n" for (a, b, *_), c in zip(TABLE, CLASSES, strict=True))
        (folder / "data.csv").write_text(f"a,b,kind,weight\n{rows}")
        text = EXPERIMENT.replace("SOURCE", source).replace("LAYERS", layers).replace("COMPILE", compiled)
        text = text.replace("TRAIN", f", {train}" if train else "").replace("CALLBACKS", callbacks)
        (folder / "e.yaml").write_text(text, encoding="utf-8")
        return [command, "e.yaml", *options]

    return make


def _says_nothing(done: object) -> None:
    assert not done.warnings, done.err  # type: ignore[attr-defined]


def _quiet(name: str, make: Callable[[Path], Sequence[object]]) -> Case:
    return Case("together", name, make, 0, check=_says_nothing)


def _learns(folder: Path) -> None:
    """The preset learns digits of pixels from 0 to 255, with and without its scale."""
    path = folder / "mlp.yaml"
    for preset in ("mlp", "{mlp: {scale: 1}}"):
        path.write_text(
            f"name: m\ndata: {{train: {{npz: {ROOT}/sample_data/digits.npz}}}}\nmodel: {{preset: {preset}}}\n"
            f"compile: {{optimizer: {{Adam: {{learning_rate: 0.001}}}}, loss: {SPARSE}, metrics: [accuracy]}}\n"
            "train: {epochs: 40, validation_split: 0.2, verbose: 0, view_metrics: false}\n"
        )
        done = here(["train", str(path), "--require", "val_accuracy>=0.88"])
        assert done.code == 0, done.out + done.err


FLAT = "Put Flatten or GlobalAveragePooling2D before the last Dense layers."
SCALE = "The inputs reach from 0 to 255, and nothing rescales them before"
SCHEDULE = (
    "{optimizer: {Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}}}, loss: " + SPARSE + "}"
)
RATE = "cannot set the learning rate, as the optimizer's (at e.yaml:6:11) is a schedule. Use one of the two."
DECAY = "{InverseTimeDecay: {initial_learning_rate: 1, decay_steps: 1, decay_rate: 1}}"
STEPS = "train.steps_per_epoch=100"
CASES = [
    # shapes
    Case("together", "a forgotten Flatten", making(FOUR, x=IMAGES), 3, (FLAT,)),
    Case(
        "together",
        "a forgotten Flatten, yes or no",
        making("{Dense: {units: 1, activation: sigmoid}}", x=IMAGES, compiled="{loss: binary_crossentropy}", y=CLASSES % 2),
        3,
        (FLAT,),
    ),
    Case(
        "together",
        "a forgotten Flatten, numbers",
        making("{Dense: 1}", x=IMAGES, compiled="{loss: mse}", y=CLASSES / 7),
        3,
        (FLAT,),
    ),
    Case(
        "together",
        "more outputs than classes",
        making("{Dense: {units: 5, activation: softmax}}", source="{csv: {path: data.csv, label: kind, features: [a, b]}}"),
        0,
        ("The last layer has 5 units, but there are 3 classes, so 2 of them never mean anything. Give it 3 units.",),
    ),
    # weights
    Case(
        "together",
        "all weights of samples 0",
        making(sample_weight=np.zeros(24, np.float32), source="{npz: {path: data.npz, sample_weight: sample_weight}}"),
        3,
        ("The weight of every sample is 0",),
    ),
    Case(
        "together",
        "a weight column of zeros",
        making(source="{csv: {path: data.csv, label: kind, weight: weight}}"),
        3,
        ("The weight of every sample is 0",),
    ),
    Case(
        "together",
        "all weights of classes 0",
        making(train="class_weight: {0: 0, 1: 0, 2: 0}"),
        3,
        ("train.class_weight: the weight of every class is 0", "e.yaml:7:"),
    ),
    _quiet("some weights of classes 0", making(train="class_weight: {0: 0, 1: 0}")),
    Case(
        "together",
        "all weights of losses 0",
        making(compiled=LEARN.replace("}", ", loss_weights: 0}")),
        3,
        ("compile.loss_weights: the weight of every loss is 0",),
    ),
    Case(
        "together",
        "validation weights 0",
        making(
            source="{npz: {path: data.npz}}\n  validation: {npz: {path: data.npz, sample_weight: w}}", w=np.zeros(24, np.float32)
        ),
        0,
        ("The weight of every validation sample is 0",),
    ),
    # learning rates
    *(
        Case(
            "together",
            f"a schedule and {name}, {command}",
            making(compiled=SCHEDULE, train="validation_split: 0.5", callbacks=f"callbacks: [{callback}]\n", command=command),
            3,
            (RATE,),
        )
        for name, callback in (
            ("ReduceLROnPlateau", "ReduceLROnPlateau"),
            (
                "LearningRateScheduler",
                f"{{LearningRateScheduler: {{schedule: {DECAY}}}}}",
            ),
        )
        for command in ("check", "train")
    ),
    Case("together", "a schedule and a stage's callback", lambda folder: _staged(folder), 3, ("cannot set the learning rate",)),
    # inputs
    Case(
        "together",
        "pixels as they are",
        making(f"Flatten, {FOUR}", x=IMAGES),
        0,
        (f"{SCALE} dense; networks learn best near 1. Put Rescaling: {{scale: 1/255}} first.", "e.yaml:5:"),
    ),
    Case(
        "together",
        "pixels as they are, a convolution",
        making(f"{{Conv2D: {{filters: 2, kernel_size: 3}}}}, Flatten, {FOUR}", x=IMAGES),
        0,
        (f"{SCALE} conv2d;",),
    ),
    Case("together", "large columns as they are", making(x=TABLE * 1000), 0, ("Put Normalization first.",)),
    Case("together", "a column of years", making(x=TABLE + 2000), 0, ("Put Normalization first.",)),
    Case(
        "together",
        "pixels that are still large",
        making(f"{{Rescaling: 0.5}}, Flatten, {FOUR}", x=IMAGES),
        0,
        ("The inputs reach from 0 to 127.5",),
    ),
    _quiet("numbers near 1", making()),
    _quiet("pixels divided by 255", making(f"{{Rescaling: 1/255}}, Flatten, {FOUR}", x=IMAGES)),
    _quiet("pixels that are standardized", making(f"Flatten, BatchNormalization, {FOUR}", x=IMAGES)),
    _quiet("columns that are standardized", making(f"Normalization, {FOUR}", x=TABLE * 1000)),
    _quiet(
        "pixels that augmentation rescales",
        making(f"Flatten, {FOUR}", x=IMAGES, train="mode: fit_generator", callbacks="augmentation: {rescale: 1/255}\n"),
    ),
    _quiet("preset: mlp", lambda folder: _preset(folder)),
    # options
    Case("together", "an option for more steps than there are", making(FOUR, "--set", STEPS), 2, (f"--set {STEPS}: ",)),
    Case("together", "the same in the file", making(train="steps_per_epoch: 100"), 3, ("e.yaml:7:",)),
    Case(
        "together",
        "an option for an unknown class",
        making(FOUR, "--set", "train.class_weight={q: 1}"),
        2,
        ("there is no class q",),
    ),
    Case(
        "together",
        "an option for a wrong monitor",
        making(FOUR, "--set", "callbacks=[{EarlyStopping: {monitor: val_acc}}]"),
        2,
        ("val_acc",),
    ),
    Case(
        "together",
        "an option for a loss that does not fit",
        making(FOUR, "--set", "compile.loss=categorical_focal_crossentropy", "--set", "data.class_mode=sparse"),
        2,
        (),
    ),
    Case(
        "together",
        "an option for a last layer without softmax",
        making(FOUR, "--set", "model.layers.0.Dense.activation=linear"),
        3,
        (),
    ),
    Case("together", "an option for data that are not there", making(FOUR, "--set", "data.train.npz.path=none.npz"), 4, ()),
    Case("mlp", "preset: mlp learns digits of pixels from 0 to 255", probe=_learns),
]


def _staged(folder: Path) -> Sequence[object]:
    making(compiled=SCHEDULE)(folder)
    text = (folder / "e.yaml").read_text()
    stages = "train:\n  - {epochs: 1, validation_split: 0.5}\n  - {epochs: 1, callbacks: [ReduceLROnPlateau]}\n"
    (folder / "e.yaml").write_text(text[: text.index("train: {epochs")] + stages)
    return ["check", "e.yaml"]


def _preset(folder: Path) -> Sequence[object]:
    making(x=IMAGES)(folder)
    text = (folder / "e.yaml").read_text()
    (folder / "e.yaml").write_text(text.replace(f"layers: [{FOUR}]", "preset: mlp"))
    return ["check", "e.yaml"]
