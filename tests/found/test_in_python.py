"""Arrays in Python that users have run into: refused in words that say what to do, as in the experiment file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fittool as ft

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3
ROWS = np.eye(3, dtype=np.float32)[Y]
GAP = np.where(np.arange(160).reshape(40, 4) == 22, np.nan, X)

Use = Callable[[Any, Any, Any], object]
USES: dict[str, Use] = {
    "fit": lambda model, x, y: model.fit(x, y, epochs=1, verbose=0),
    "validation": lambda model, x, y: model.fit(X, Y if y.ndim == 1 else ROWS, epochs=1, verbose=0, validation_data=(x, y)),
    "fit_generator": lambda model, x, y: model.fit_generator(iter([(x, y)]), steps_per_epoch=1, verbose=0, view_metrics=False),
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
}


def model(loss: str) -> Any:
    """A network of three classes."""
    made = ft.Model([ft.layers.Dense(3, activation="softmax")], input_shape=(4,))
    made.compile("sgd", loss=loss)
    return made


@pytest.mark.parametrize(
    "use", [use for name, use in USES.items() if name != "validation"], ids=[n for n in USES if n != "validation"]
)
@pytest.mark.parametrize(
    ("loss", "y", "mend"),
    [
        ("sparse_categorical_crossentropy", ROWS, "use categorical_crossentropy"),
        ("categorical_crossentropy", Y, "use sparse_categorical_crossentropy"),
        ("categorical_crossentropy", Y[:, None], "use sparse_categorical_crossentropy"),
    ],
)
def test_targets_in_the_other_form_are_told_with_the_loss_for_them(use: Use, loss: str, y: np.ndarray, mend: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){mend}"):
        use(model(loss), X, y)


@pytest.mark.parametrize("use", USES.values(), ids=list(USES))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_told(use: Use, value: float) -> None:
    gap = np.where(np.isnan(GAP), np.float32(value), GAP)
    with pytest.raises(ValueError, match=r"1 value that is NaN or infinite, the first at .*\[5, 2\]"):
        use(model("sparse_categorical_crossentropy"), gap, Y)


@pytest.mark.parametrize("use", USES.values(), ids=list(USES))
def test_targets_that_are_not_finite_are_told(use: Use) -> None:
    regression = ft.Model([ft.layers.Dense(1)], input_shape=(4,))
    regression.compile("sgd", loss="mse")
    wrong = np.where(Y == 2, np.nan, Y)
    if use is USES["validation"]:
        regression.fit(X, Y, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="13 values that are NaN or infinite"):
        use(regression, X, wrong)


def test_predictions_of_a_gap_are_refused() -> None:
    with pytest.raises(ValueError, match=r"x holds 1 value that is NaN or infinite, the first at x\[5, 2\]"):
        model("sparse_categorical_crossentropy").predict(GAP)
