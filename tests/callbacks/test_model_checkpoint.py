from __future__ import annotations

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, ModelCheckpoint
from fittool.errors import ArgumentError, ExperimentError
from fittool.training.plan import Plan
from fittool.training.recording.recorder import NullRecorder


class Files(NullRecorder):
    """Remembers the files that callbacks ask for."""

    saves = True

    def __init__(self):
        self.files = []

    def save(self, snapshot, kind, path=None):
        if path is not None:
            self.files.append((path, kind))


def files(values, *arguments, **options):
    recorder = Files()
    callback = ModelCheckpoint(*arguments, **options).start(CallbackContext())
    FakeTrainer(FakeEngine(val_losses=values), FakeLoader(), FakeLoader(), [callback], Plan(len(values)), recorder=recorder).run()
    return recorder.files


def test_each_epoch_has_its_file():
    assert files([0.5, 0.25], "{epoch:02d}-{val_loss:.4f}.safetensors") == [
        ("01-0.5000.safetensors", "model"),
        ("02-0.2500.safetensors", "model"),
    ]


@pytest.mark.parametrize(("values", "saved"), [([3, 4, 2, 2], ["1", "3"]), ([float("nan"), 1], ["2"])])
def test_only_better_epochs(values, saved):
    assert [path[0] for path, _ in files(values, "{epoch}.safetensors", save_best_only=True)] == saved


def test_a_threshold_has_to_be_beaten():
    assert len(files([3, 2, 1], "a.safetensors", save_best_only=True, initial_value_threshold=2.5)) == 2


def test_after_so_many_batches():
    saved = files([1, 1], "{epoch}-{batch}.safetensors", save_freq=2, save_weights_only=True)
    assert saved == [("1-2.safetensors", "weights"), ("2-1.safetensors", "weights"), ("2-3.safetensors", "weights")]


def test_without_a_file_it_only_says_what_is_best():
    assert files([1, 2]) == files([1, 2], "best.safetensors") == []


def test_without_a_file_and_a_run_it_is_an_error():
    training = FakeTrainer(FakeEngine(), FakeLoader(), FakeLoader(), [ModelCheckpoint().start(CallbackContext())], Plan(1))
    with pytest.raises(ExperimentError, match="ModelCheckpoint needs a filepath"):
        training.run()


def test_a_wrong_name_is_an_error_before_training():
    with pytest.raises(ExperimentError, match=r"ModelCheckpoint watches val_los, .* Did you mean val_loss"):
        files([1], "a.safetensors", "val_los", save_best_only=True)


def test_a_value_that_is_not_there_is_an_error():
    with pytest.raises(ExperimentError, match="asks for f1; there are loss, accuracy"):
        files([1], "{f1}.safetensors")


@pytest.mark.parametrize(("path", "message"), [("{epoch", "filepath cannot be filled in"), ("a.h5", "must end in .safetensors")])
def test_a_wrong_path_is_refused(path, message):
    with pytest.raises(ArgumentError, match=message):
        ModelCheckpoint(path + ("" if path.endswith("h5") else ".safetensors"))


def test_its_state_goes_on():
    first, second = (ModelCheckpoint("a.safetensors", save_freq=5).start(CallbackContext()) for _ in range(2))
    first.monitor.best, first._batches = 0.25, 3
    second.load_state(first.state())
    assert second.state() == first.state()
