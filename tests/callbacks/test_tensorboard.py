from __future__ import annotations

import sys

import numpy as np
import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, TensorBoard
from fittool.errors import ArgumentError, MachineError
from fittool.training.plan import Plan


def events(folder, **options):
    """All values that TensorBoard reads back: {part: {tag: [(step, value), …]}}."""
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    callback = TensorBoard(**options).start(CallbackContext(folder))
    FakeTrainer(FakeEngine([0.5, 0.25]), FakeLoader(2), FakeLoader(1), [callback], Plan(2)).run()
    found = {}
    for path in sorted((folder / "logs").glob("*/*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                tags = found.setdefault(path.parent.name, {})
                tags.setdefault(value.tag, []).append((event.step, make_ndarray(value.tensor)))
    return found


def test_epochs_have_the_folders_and_names_of_keras(tmp_path):
    found = events(tmp_path)
    assert {part: set(tags) for part, tags in found.items()} == {
        "train": {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"},
        "validation": {"epoch_loss", "epoch_accuracy", "evaluation_loss_vs_iterations", "evaluation_accuracy_vs_iterations"},
    }
    assert found["train"]["epoch_loss"] == [(0, 0.375), (1, 0.25)]
    assert [step for step, _ in found["validation"]["evaluation_loss_vs_iterations"]] == [2, 4]


@pytest.mark.parametrize(("frequency", "steps"), [("batch", [1, 2, 3, 4]), (2, [2, 4])])
def test_batches_if_asked(tmp_path, frequency, steps):
    found = events(tmp_path, update_freq=frequency, write_steps_per_second=True)["train"]
    assert [step for step, _ in found["batch_loss"]] == steps
    assert len(found["epoch_steps_per_second"]) == 2


def test_distributions_of_weights_if_asked(tmp_path):
    ((epoch, bins),) = events(tmp_path, histogram_freq=2)["train"]["w/histogram"]
    assert (epoch, bins.shape[1], np.sum(bins[:, 2])) == (0, 3, 1)


@pytest.mark.parametrize("option", [{"write_images": True}, {"profile_batch": 2}, {"embeddings_freq": 1}])
def test_what_is_not_offered_is_refused(option):
    with pytest.raises(ArgumentError, match=f"{next(iter(option))} is not offered"):
        TensorBoard(**option)


def test_a_missing_extra_says_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(MachineError, match=r"pip install 'fittool\[tensorboard\]'") as error:
        TensorBoard().start(CallbackContext(tmp_path))
    assert error.value.exit_code == 6
