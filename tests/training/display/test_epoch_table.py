from __future__ import annotations

import pytest

from fittool.training.display.epoch_table import EpochTable

METRICS = ("accuracy", "precision", "recall", "auc", "top_k_categorical_accuracy", "mean_squared_error")


def row(epoch, names=METRICS, value=0.5, seconds=2.0):
    values = {name: value for part in ("", "val_") for name in (f"{part}loss", *(f"{part}{name}" for name in names))}
    return {"epoch": epoch, **values, "learning_rate": 0.1, "seconds": seconds, "examples_per_second": 9.0, "data_seconds": 0.0}


def shown(table, columns, row, improved=False, epochs=100, lines=24):
    return ["".join(text for text, _ in line) for line in table.lines(row, epochs, improved, columns, lines)]


def test_with_six_metrics_eighty_columns_hold_the_watched_value_its_mark_and_the_time():
    remark, heading, line = shown(EpochTable("val_auc"), 80, row(7), improved=True)
    assert heading.split() == ["epoch", "val_auc", "auc", "loss", "val_loss", "accuracy", "val_accuracy", "time"]
    assert line.split() == ["7", "0.5000", "↑", *["0.5000"] * 5, "2.0", "s"]
    assert max(map(len, (remark, heading, line))) <= 80


def test_the_values_that_are_left_out_are_named_once():
    table = EpochTable("val_auc")
    remark, *_ = shown(table, 60, row(1))
    assert remark.startswith("not shown at 60 columns: val_accuracy, precision, val_preci")
    assert remark.endswith("…") and len(remark) == 60
    assert len(shown(table, 60, row(2))) == 1


def test_where_all_values_fit_nothing_is_said():
    heading, _ = shown(EpochTable("val_loss"), 80, row(1, ("accuracy",)))
    assert heading == "epoch  val_loss      loss  accuracy  val_accuracy   time"


def test_columns_stand_under_their_headings_with_and_without_a_mark():
    table = EpochTable("val_loss")
    heading, first = shown(table, 80, row(1, ("accuracy",)), improved=True)
    (second,) = shown(table, 80, row(2, ("accuracy",)))
    assert len(heading) == len(first) == len(second)
    assert first.index("↑") == heading.index("val_loss") + len("val_loss ")
    assert first.replace("↑", " ").replace("1", "2", 1) == second


def test_a_terminal_that_is_resized_gets_another_heading():
    table = EpochTable("val_loss")
    shown(table, 80, row(1))
    remark, heading, line = shown(table, 40, row(2))
    assert "not shown at 40 columns" in remark
    assert "time" in heading and len(line) <= 40


def test_the_heading_comes_again_before_it_leaves_the_screen():
    table = EpochTable("val_loss")
    counts = [len(shown(table, 80, row(epoch, ("accuracy",)), lines=24)) for epoch in range(1, 45)]
    assert [place for place, count in enumerate(counts) if count == 2] == [0, 21, 42]


def test_an_epoch_without_validation_leaves_the_columns_where_they_are():
    table = EpochTable("val_loss")
    heading, first = shown(table, 80, row(1, ()), improved=True)
    (second,) = shown(table, 80, {"epoch": 2, "loss": 0.25, "seconds": 2.0})
    assert second.split() == ["2", "0.2500", "2.0", "s"]
    assert second.index("0.2500") == first.rindex("0.5000")
    assert heading == "epoch  val_loss      loss   time"


@pytest.mark.parametrize("columns", [5, 12, 19, 20, 33])
def test_even_a_narrow_terminal_has_the_epoch_and_what_fits(columns):
    lines = shown(EpochTable("val_auc"), columns, row(3), improved=True)
    assert lines[-1].split()[0] == "3"
    assert all(len(line) <= columns for line in lines)


def test_long_names_are_shortened_as_keras_shortens_them():
    names = ("mean_absolute_error_grams", "mean_squared_error")
    heading, _ = shown(EpochTable("val_mean_absolute_error_grams"), 120, row(1, names))
    assert heading.split() == ["epoch", "val_mae_grams", "mae_grams", "loss", "val_loss", "mse", "val_mse", "time"]


def test_names_that_would_look_alike_keep_their_length():
    names = ("share_of_cells_of_the_left_lung", "share_of_hands_of_the_left_lung")
    heading, _ = shown(EpochTable("loss"), 200, {"epoch": 1, "loss": 0.1, **dict.fromkeys(names, 0.5), "seconds": 1.0})
    assert heading.split()[2:4] == list(names)


def test_without_a_value_that_decides_the_mark_stands_at_the_end():
    _, line = shown(EpochTable(), 80, {"epoch": 1, "loss": 0.1, "seconds": 1.0}, improved=True)
    assert line.endswith("1.0 s ↑")
