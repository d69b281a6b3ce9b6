from __future__ import annotations

import math
from xml.etree import ElementTree

from fittool.report.pages.charts import Series, legend, line_chart


def drawn(*series, **options):
    return ElementTree.fromstring(line_chart("loss", series, **options))


def test_a_curve_has_a_line_and_hints():
    chart = drawn(Series("run <1>", [(1, 0.5), (2, 0.25)]))
    (line,) = chart.findall("polyline")
    assert len(line.get("points").split()) == 2
    assert [hint.text for hint in chart.findall("circle/title")] == ["epoch 1: run <1> 0.5000", "epoch 2: run <1> 0.2500"]


def test_the_best_epoch_is_marked():
    assert drawn(Series("a", [(1, 0.5), (2, 0.25)]), mark=2).find("line[@class='mark']/title").text == "best: epoch 2"


def test_values_that_are_not_finite_are_left_out():
    chart = drawn(Series("a", [(1, math.nan), (2, 0.25), (3, math.inf), (4, 1.0)]))
    assert len(chart.find("polyline").get("points").split()) == 2
    assert line_chart("loss", [Series("a", [(1, math.nan)])]) == ""


def test_a_thousand_epochs_stay_small():
    assert len(line_chart("loss", [Series("a", [(epoch, 1 / epoch) for epoch in range(1, 10_001)])])) < 50_000


def test_one_epoch_is_a_dot():
    assert drawn(Series("a", [(1, 0.5)])).find("circle").get("class") == "s0 dot"


def test_names_are_text_in_the_legend():
    assert "<script>" not in legend([Series("<script>", ())])
    ElementTree.fromstring(legend([Series("<b>&\x07", ())]))
