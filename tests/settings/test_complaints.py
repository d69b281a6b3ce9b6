"""Objects that are made in Python with wrong arguments say so in the sentences that tell mistakes in a file."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import fittool as ft
from fittool.errors import ArgumentError

CASES: list[tuple[Callable[[], object], str]] = [
    (lambda: ft.optimizers.Adam(lr=0.1), "Adam.lr is not an argument. Did you mean learning_rate?"),
    (lambda: ft.optimizers.Adam(wrong=1), "Adam.wrong is not an argument."),
    (lambda: ft.layers.Dense(), "Dense.units is missing. Size of the output's last axis."),
    (lambda: ft.layers.Dense(unit=3), "Dense.unit is not an argument. Did you mean units?"),
    (lambda: ft.layers.Dense(0), "Dense.units must be at least 1, got 0."),
    (lambda: ft.layers.Dense(2.0), "Dense.units must be a whole number, got 2.0. Write 2."),
    (lambda: ft.layers.Dense("3"), 'Dense.units must be a whole number, got the text "3". Write 3 without quotes.'),
    (lambda: ft.layers.Dense(3, units=3), "Dense.units is given twice, by position and by name."),
    (lambda: ft.layers.Dense(np.zeros(2)), "Dense.units must be a whole number, got an object of the class ndarray."),
    (lambda: ft.layers.Flatten(1), "Flatten[0] is an argument too many."),
    (lambda: ft.layers.Conv2D(8, (3, "a")), 'Conv2D.kernel_size[1] must be a whole number, got the text "a".'),
    (lambda: ft.layers.Conv2D(8, 3, padding="sam"),
     'Conv2D.padding must be valid or same, got the text "sam". Did you mean same?'),
    (lambda: ft.layers.Conv2D(8, 3, activation="rellu"), "Conv2D.activation: no activation is called rellu. Did you mean relu?"),
    (lambda: ft.layers.Conv2D(8, 3, strides=2, dilation_rate=2),
     "Conv2D is not valid: strides above 1 and dilation_rate above 1 cannot be combined."),
    (lambda: ft.layers.Dense(1, kernel_initializer="glorot_unifrom"),
     "Dense.kernel_initializer: no initializer is called glorot_unifrom. Did you mean GlorotUniform?"),
    (lambda: ft.layers.Dense(1, kernel_initializer={"Constant": {"valeu": 1}}),
     "Dense.kernel_initializer.Constant.valeu is not an argument. Did you mean value?"),
    (lambda: ft.layers.Bidirectional(ft.layers.LSTM),
     "Bidirectional.layer must be the name of a recurrence, or one name with its arguments, got the class LSTM."),
    (lambda: ft.callbacks.ModelCheckpoint("best.h5"),
     "ModelCheckpoint is not valid: filepath must end in .safetensors, the one format that is written."),
]  # fmt: skip


@pytest.mark.parametrize(("make", "sentence"), CASES, ids=[case[1] for case in CASES])
@pytest.mark.parametrize("kind", [ValueError, TypeError])
def test_wrong_arguments_in_python(make: Callable[[], object], sentence: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="^" + re.escape(sentence)):
        make()


def test_all_wrong_arguments_are_told_at_once_and_without_pydantics_own_text() -> None:
    with pytest.raises(ArgumentError, match="units") as caught:
        ft.layers.Dense(-1, "rellu", bias=True)
    assert str(caught.value).splitlines() == [
        "Dense.units must be at least 1, got -1.",
        "Dense.activation: no activation is called rellu. Did you mean relu?",
        "Dense.bias is not an argument. Did you mean use_bias?",
    ]
    assert caught.value.__suppress_context__


def test_a_made_up_argument_is_told_with_those_there_are() -> None:
    with pytest.raises(ArgumentError, match=r"Dropout\.wave is not an argument\. There are .*rate, noise_shape, seed"):
        ft.layers.Dropout(0.5, wave=3)
