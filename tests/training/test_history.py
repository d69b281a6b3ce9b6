from __future__ import annotations

import numpy as np

from fittool.training.history import History, make_row


def test_a_row_keeps_numbers_and_counts_from_one():
    row = make_row(0, {"loss": np.float32(0.5), "note": "no number", "f1": 1}, 2.0, 10.0, 0.25)
    assert row == {"epoch": 1, "loss": 0.5, "f1": 1.0, "seconds": 2.0, "examples_per_second": 10.0, "data_seconds": 0.25}


def test_history_has_the_keys_of_keras():
    history = History()
    history.append(make_row(0, {"loss": 1.0, "learning_rate": 0.1}, 2.0, 10.0, 0.25))
    history.append(make_row(1, {"loss": 0.5, "val_loss": 0.75, "learning_rate": 0.1}, 2.0, 10.0, 0.25))
    assert history.history == {"loss": [1.0, 0.5], "learning_rate": [0.1, 0.1], "val_loss": [0.75]}
    assert history.epoch == [0, 1]
