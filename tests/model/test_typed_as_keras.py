"""The script that people type from memory runs with fittool alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from model.keras_script import run_script


def test_the_script_runs(tmp_path, capsys):
    names: dict[str, Any] = run_script("fittool")
    assert "conv2d" in capsys.readouterr().out
    assert len(names["history"].history["val_loss"]) == 4
    assert names["named"] == {"loss": names["loss"], "accuracy": names["accuracy"]}
    assert np.array_equal(names["before"], names["trunk"].layers[1].get_weights()[0])
    assert np.array_equal(names["before"], names["head"].get_layer("conv2d").get_weights()[0])
    assert names["steps"][0]["acc"] == names["steps"][0][1]
    assert np.allclose(names["answers"], names["probabilities"].argmax(axis=1))
