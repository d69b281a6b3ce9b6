from __future__ import annotations

import json
import math

import numpy as np
import pytest

from fittool.errors import CheckpointError
from fittool.runs.metrics_log import MetricsLog


@pytest.fixture
def log(tmp_path):
    return MetricsLog(tmp_path / "metrics.jsonl")


def test_rows_come_back_in_order(log):
    rows = [{"epoch": 1, "loss": 0.1, "stage": "first"}, {"epoch": 2, "loss": 0.05}]
    for row in rows:
        log.append(row)
    assert log.rows() == rows


def test_numbers_that_are_not_finite_are_null_and_named(log):
    log.append({"epoch": 1, "loss": np.float32("nan"), "val_loss": math.inf})
    text = log.path.read_text()
    assert json.loads(text) == {"epoch": 1, "loss": None, "val_loss": None, "nonfinite": {"loss": "nan", "val_loss": "inf"}}
    (row,) = log.rows()
    assert math.isnan(row["loss"])
    assert row["val_loss"] == math.inf


def test_there_are_no_rows_before_the_first(log):
    assert (log.rows(), log.sync(), log.repair(), log.cut(0)) == ([], 0, False, 0)


def test_half_a_line_at_the_end_is_not_a_row(log):
    log.append({"epoch": 1})
    with log.path.open("a") as file:
        file.write('{"epoch": 2')
    assert log.rows() == [{"epoch": 1}]
    assert log.repair()
    assert log.path.read_text() == '{"epoch":1}\n'


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"nonfinite": 3}', '{"nonfinite": {"a": "x"}}'])
def test_a_damaged_row_is_named(line, log):
    log.path.write_text(f'{{"epoch": 1}}\n{line}\n')
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl:2: is not a row"):
        log.rows()


def test_cutting_back_keeps_what_is_cut_in_another_file(log):
    log.append({"epoch": 1})
    length = log.sync()
    log.append({"epoch": 2})
    log.append({"epoch": 3})
    assert log.cut(length) == 2
    assert log.rows() == [{"epoch": 1}]
    assert log.path.with_name("metrics.discarded.jsonl").read_text() == '{"epoch":2}\n{"epoch":3}\n'


@pytest.mark.parametrize("length", [5, 100])
def test_a_log_of_another_checkpoint_is_refused(length, log):
    log.append({"epoch": 1})
    with pytest.raises(CheckpointError, match=rf"expects a row's end at byte {length} of 12"):
        log.cut(length)
