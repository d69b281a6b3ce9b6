"""Real Keras, with torch behind it, as referee. Where the extra is not installed, all of it is skipped."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

MISSING = [name for name in ("keras", "torch", "scipy") if find_spec(name) is None]
REASON = f"{' and '.join(MISSING)} not installed; install the extra: pip install 'fittool[parity]'"

if not MISSING:
    os.environ["KERAS_BACKEND"] = "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these two say while they are imported is not ours
        import keras
        import torch
    torch.set_num_threads(1)
    keras.config.disable_traceback_filtering()


class _Skipped(pytest.Module):
    """A file of tests that cannot run here, and is not even imported."""

    def collect(self):
        pytest.skip(REASON, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Skip every file in this folder where Keras is missing; otherwise let pytest go on."""
    return _Skipped.from_parent(parent, path=module_path) if MISSING else None


ON_BOTH_ENGINES = {f"test_parity_{name}.py" for name in ("fit", "layers", "losses", "metrics", "optimizers")}
"""The files whose cases are about what an engine computes; the others are about what stands around it."""


@pytest.fixture(autouse=True)
def engine(request, monkeypatch):
    """The engine that fittool's networks of a test are made with."""
    monkeypatch.setattr("parity.networks.ENGINE", request.param if hasattr(request, "param") else "numpy")


def pytest_generate_tests(metafunc):
    """Play the cases about what is computed on both engines."""
    if not MISSING and metafunc.definition.path.name in ON_BOTH_ENGINES:
        metafunc.parametrize("engine", ["numpy", "torch"], indirect=True)


def pytest_collection_modifyitems(items):
    """What newer NumPys say about how Keras on torch makes arrays is not about our code."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"))
