"""`fit_generator` with processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fittool as ft
from fittool.errors import ExperimentError


def endless():
    for number in range(10**9):
        yield np.full((4, 3), number % 7, np.float32), np.ones((4, 1), np.float32)


class Batches:
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return np.full((4, 3), index, np.float32), np.ones((4, 1), np.float32)


def trained(generator, **arguments):
    model = ft.Model([ft.layers.Dense(1)], input_shape=(3,), seed=1)
    model.compile("sgd", "mse")
    model.fit_generator(generator, epochs=2, verbose=0, view_metrics=False, **arguments)
    return model.get_weights()


@pytest.mark.parametrize(("generator", "steps"), [(endless, 6), (Batches(), None)])
@pytest.mark.parametrize("workers", [1, 2])
def test_weights_are_those_of_threads(generator, steps, workers):
    expected = trained(generator, steps_per_epoch=steps, workers=0)
    found = trained(generator, steps_per_epoch=steps, workers=workers, use_multiprocessing=True)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_generator_that_was_begun_cannot_be_sent():
    with pytest.raises(ExperimentError, match=r"cannot be sent to another process: .*generator"):
        trained(endless(), steps_per_epoch=3, use_multiprocessing=True)


SCRIPT = """
import numpy as np
import fittool as ft

def batches():
    for _ in range(3):
        yield np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)

GUARD
    model = ft.Model([ft.layers.Dense(1)], input_shape=(3,), seed=1)
    model.compile("sgd", "mse")
    model.fit_generator(batches, epochs=2, verbose=0, view_metrics=False, use_multiprocessing=True)
    print("trained")
"""


@pytest.mark.parametrize(("guard", "said"), [('if __name__ == "__main__":', "trained"), ("if True:", "Put what trains below")])
def test_a_script_trains_below_its_guard(tmp_path, guard, said):
    (tmp_path / "script.py").write_text(SCRIPT.replace("GUARD", guard))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert said in done.stdout + done.stderr
