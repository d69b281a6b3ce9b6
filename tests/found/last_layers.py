"""Last layers, losses and metrics that do not go together, and those that do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from faults.cases.runner import Case

SPARSE, ONE_HOT, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"
LOGITS = "{SparseCategoricalCrossentropy: {from_logits: true}}"
YES_LOGITS = "{BinaryCrossentropy: {from_logits: true}}"
EXPERIMENT = """\
name: lasts
data:
  train: {npz: {path: data.npz}}
CLASSESmodel:
  layers:
    - Dense: {units: 4, activation: relu}
    - LAST
compile:
  loss: LOSS
  metrics: METRICS
train: {epochs: 1, batch_size: 8, verbose: 2, view_metrics: false}
"""
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
NUMBERS = RNG.uniform(0.1, 0.9, 24).astype(np.float32)
TARGETS = {
    "classes": np.arange(24) % 3,
    "yes": np.arange(24) % 2,
    "tags": RNG.integers(0, 2, (24, 3)).astype(np.float32),
    "numbers": NUMBERS,
    "both signs": 2 * NUMBERS - 1,
    "large": 9 * NUMBERS,
    "far": 300 * NUMBERS,
    "ten": np.arange(24) % 10,
}


def dense(units: int, activation: str | None = None) -> str:
    return f"Dense: {{units: {units}{'' if activation is None else f', activation: {activation}'}}}"


def written(
    folder: Path, last: str, loss: str, targets: str = "classes", metrics: str = "[]", class_mode: str | None = None
) -> None:
    """An experiment on 24 samples of three numbers."""
    mode = "" if class_mode is None else f"  class_mode: {class_mode}\n"
    text = EXPERIMENT.replace("LAST", last).replace("LOSS", loss).replace("METRICS", metrics).replace("CLASSES", mode)
    (folder / "e.yaml").write_text(text, encoding="utf-8")
    np.savez(folder / "data.npz", x=X, y=TARGETS[targets])


def making(command: str, *arguments: str, **options: str | None) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        written(folder, *arguments, **options)  # type: ignore[arg-type]
        return [command, "e.yaml", *(["--smoke"] if command == "train" else [])]

    return make


def _warnings(count: int) -> Callable[[object], None]:
    def check(done: object) -> None:
        assert len(done.warnings) == count, done.err  # type: ignore[attr-defined]

    return check


def _pair(name: str, says: str | None, *arguments: str, error: bool = False, code: int = 0, **options: str | None) -> list[Case]:
    """A pair at `check` and at the start of `train`: an error, a warning, or (None) nothing at all."""
    pieces = () if says is None else (says,)
    code = 3 if error else code
    count = int(says is not None and not code)
    return [
        Case("pairs", f"{name}, {command}", making(command, *arguments, **options), code, pieces, check=_warnings(count))
        for command in ("check", "train")
    ]


_CATEGORICAL = "{CategoricalCrossentropy: {from_logits: true}}"
_R = "classes"
CASES = [
    # a loss of classes
    *_pair("softmax and classes", None, dense(3, "softmax"), SPARSE),
    *_pair("softmax and one-hot", None, dense(3, "softmax"), ONE_HOT, "classes", "[accuracy]", class_mode="categorical"),
    *_pair("logits", None, dense(3), LOGITS, "classes", "[accuracy]"),
    *_pair("sparsemax and classes", None, dense(3, "sparsemax"), SPARSE),
    *_pair(
        "no softmax",
        "Give layer dense_1 activation: softmax, or SparseCategoricalCrossentropy from_logits: true.",
        dense(3),
        SPARSE,
        error=True,
    ),
    *_pair(
        "no softmax, one-hot",
        "ends without an activation, and nothing can be learnt so",
        dense(3),
        ONE_HOT,
        class_mode="categorical",
        error=True,
    ),
    *_pair("tanh and classes", "ends with tanh, and nothing can be learnt so", dense(3, "tanh"), SPARSE, error=True),
    *_pair(
        "log_softmax and classes",
        "Give SparseCategoricalCrossentropy from_logits: true.",
        dense(3, "log_softmax"),
        SPARSE,
        error=True,
    ),
    *_pair("log_softmax and logits", None, dense(3, "log_softmax"), LOGITS),
    *_pair("relu and classes", "ends with relu. Use softmax.", dense(3, "relu"), SPARSE, error=True),
    *_pair("softplus and classes", "ends with softplus. Use softmax.", dense(3, "softplus"), SPARSE),
    *_pair("sigmoid and classes", "Use softmax; or binary_crossentropy", dense(3, "sigmoid"), SPARSE),
    *_pair("sigmoid and one-hot", "Use softmax; or binary_crossentropy", dense(3, "sigmoid"), ONE_HOT, class_mode="categorical"),
    *_pair(
        "softmax and logits",
        "applies softmax itself, but the network's output ends with softmax already",
        dense(3, "softmax"),
        LOGITS,
    ),
    *_pair("a softmax of its own and logits", "Leave out one of the two", dense(3) + "\n    - Softmax", LOGITS),
    *_pair("relu and logits", "which gives none below 0. Leave the activation out.", dense(3, "relu"), LOGITS),
    *_pair(
        "focal loss without softmax",
        "CategoricalFocalCrossentropy needs a probability for each class",
        dense(3),
        "categorical_focal_crossentropy",
        class_mode="categorical",
        error=True,
    ),
    *_pair(
        "softmax of one unit and classes",
        "softmax over a single unit is always 1",
        dense(1, "softmax"),
        BINARY,
        "yes",
        error=True,
    ),
    *_pair(
        "softmax of one unit and numbers",
        "Leave it out: numbers need no activation.",
        dense(1, "softmax"),
        "mse",
        "numbers",
        error=True,
    ),
    *_pair(
        "an ensemble",
        None,
        "\n    - ".join(
            (dense(3, "softmax, name: a"), dense(3, "softmax, inputs: [dense], name: b"), "Average: {inputs: [a, b]}")
        ),
        SPARSE,
    ),
    # a loss of yes and no
    *_pair("sigmoid", None, dense(1, "sigmoid"), BINARY, "yes", "[accuracy]"),
    *_pair("hard sigmoid", None, dense(1, "hard_sigmoid"), BINARY, "yes", "[accuracy]"),
    *_pair("several sigmoids", None, dense(3, "sigmoid"), BINARY, "tags", "[binary_accuracy]"),
    *_pair(
        "no sigmoid",
        "Give layer dense_1 activation: sigmoid, or BinaryCrossentropy from_logits: true.",
        dense(1),
        BINARY,
        "yes",
        error=True,
    ),
    *_pair("tanh and yes", "needs outputs from 0 to 1", dense(1, "tanh"), BINARY, "yes", error=True),
    *_pair("relu and yes", "ends with relu. Use sigmoid.", dense(1, "relu"), BINARY, "yes"),
    *_pair("sigmoid and logits", "applies sigmoid itself", dense(1, "sigmoid"), YES_LOGITS, "yes"),
    *_pair("softmax and tags", "Use sigmoid.", dense(3, "softmax"), BINARY, "tags"),
    *_pair("softmax and one-hot by yes and no", None, dense(3, "softmax"), BINARY, class_mode="categorical"),
    *_pair(
        "yes and no of ten classes",
        "the loss sparse_categorical_crossentropy, and a last layer of 10 units with softmax.",
        dense(10, "sigmoid"),
        BINARY,
        "ten",
        code=4,
    ),
    *_pair(
        "yes and no of ten classes, one unit",
        "the loss sparse_categorical_crossentropy",
        dense(1, "sigmoid"),
        BINARY,
        "ten",
        code=4,
    ),
    # a loss of numbers
    *_pair("numbers", None, dense(1), "mse", "large", "[mae]"),
    *_pair("numbers far from 1", "Add target: {scale: standard} to data", dense(1), "mse", "far", "[mae]"),
    *_pair("numbers from 0 to 1 and sigmoid", None, dense(1, "sigmoid"), "mse", "numbers"),
    *_pair(
        "large numbers and sigmoid",
        "which gives 0 to 1 only. Leave the activation out, or scale the targets.",
        dense(1, "sigmoid"),
        "mse",
        "large",
    ),
    *_pair("large numbers and tanh", "which gives -1 to 1 only", dense(1, "tanh"), "mae", "large"),
    *_pair("numbers of both signs and relu", "which gives numbers from 0 only", dense(1, "relu"), "huber", "both signs"),
    *_pair("numbers and relu", None, dense(1, "relu"), "mse", "large"),
    *_pair("counts without exponential", "takes the logarithm of outputs", dense(1), "poisson", "large", error=True),
    *_pair("counts with exponential", None, dense(1, "exponential"), "poisson", "large"),
    # metrics
    *_pair(
        "accuracy of numbers",
        "accuracy is a share of right classes, but the targets are numbers. Use mae or r2.",
        dense(1),
        "mse",
        "large",
        "[accuracy]",
    ),
    *_pair("binary accuracy of numbers", "Use mae or r2.", dense(1), "mae", "large", "[binary_accuracy]"),
    *_pair("accuracy of whole numbers", "Use mae or r2.", dense(1), "mse", "ten", "[accuracy]"),
    *_pair("accuracy of yes and no by squares", None, dense(1), "mse", "yes", "[accuracy]"),
    *_pair(
        "F1 of one sigmoid", "Give it a threshold: F1Score: {threshold: 0.5}.", dense(1, "sigmoid"), BINARY, "yes", "[f1_score]"
    ),
    *_pair("F1 with a threshold", None, dense(1, "sigmoid"), BINARY, "yes", "[{F1Score: {threshold: 0.5}}]"),
    *_pair("F1 of several sigmoids", "each is on its own", dense(3, "sigmoid"), BINARY, "tags", "[f1_score]"),
    *_pair("F1 of classes", None, dense(3, "softmax"), ONE_HOT, "classes", "[f1_score]", class_mode="categorical"),
    *_pair("accuracy of several sigmoids", "Use binary_accuracy.", dense(3, "sigmoid"), BINARY, "tags", "[accuracy]"),
    *_pair(
        "accuracy of one logit",
        "which mean yes from 0 up. Use BinaryAccuracy: {threshold: 0}.",
        dense(1),
        YES_LOGITS,
        "yes",
        "[accuracy]",
    ),
    *_pair("accuracy of one logit with its threshold", None, dense(1), YES_LOGITS, "yes", "[{BinaryAccuracy: {threshold: 0}}]"),
    *_pair(
        "AUC of logits",
        "auc takes probabilities, but the outputs are logits. Give it from_logits: true.",
        dense(1),
        YES_LOGITS,
        "yes",
        "[auc]",
    ),
    *_pair("AUC of logits, said so", None, dense(1), YES_LOGITS, "yes", "[{AUC: {from_logits: true}}]"),
    *_pair("crossentropy of logits", "Give it from_logits: true.", dense(1), YES_LOGITS, "yes", "[binary_crossentropy]"),
    *_pair(
        "precision of logits",
        "counts outputs above 0.5, which are logits here. Give layer dense_1 activation: sigmoid",
        dense(1),
        YES_LOGITS,
        "yes",
        "[precision]",
    ),
]
