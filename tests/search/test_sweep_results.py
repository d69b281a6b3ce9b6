"""What stands in a sweep's directory at its end."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from fittool.search.results import short_names
from fittool.search.sweep import SweepOptions, command_to_go_on


def test_a_password_is_neither_printed_nor_kept():
    options = SweepOptions(command=("/bin/fittool", "sweep", "e.yaml", "--storage=mysql://me:secret@host/db"))
    assert command_to_go_on(options) == "fittool sweep e.yaml '--storage=mysql://me:***@host/db'"
    assert "secret" not in " ".join(options.shown_command)


def test_names_are_as_short_as_they_can_be():
    found = {
        "compile.optimizer.Adam.learning_rate": "learning_rate",
        "model.layers.1.Dense.units": "layers.1.Dense.units",
        "model.layers.3.Dense.units": "layers.3.Dense.units",
        "seed": "seed",
        "model.layers.0": "layers.0",
    }
    assert short_names(list(found)) == found


def test_the_picture_has_an_axis_for_each_parameter():
    pytest.importorskip("matplotlib")
    from fittool.report.parallel_coordinates import Axis, Line, draw_parallel_coordinates

    axes = [Axis("rate", is_log=True), Axis("$x^2$", choices=("Adam", "{SGD: {momentum: 0.9}}")), Axis("val_loss")]
    lines = [Line([0.01, "Adam", 0.5], True), Line([0.1, "{SGD: {momentum: 0.9}}", 0.5], True), Line([0.001, "Adam", 2.0], False)]
    wide = Image.open(io.BytesIO(draw_parallel_coordinates(axes, lines, less_is_better=True)))
    fewer = [Line(one.values[1:], True) for one in lines]
    narrow = Image.open(io.BytesIO(draw_parallel_coordinates(axes[1:], fewer, less_is_better=False)))
    assert wide.format == "PNG"
    assert wide.size[0] > narrow.size[0]
