from __future__ import annotations

import numpy as np
import pytest

from fittool.runs.checkpoint import CheckpointFacts, save_checkpoint
from fittool.runs.checkpoint_store import CheckpointStore
from fittool.runs.kept_weights import KeptWeights
from fittool.runs.paths import BEST, LAST, is_kept_file


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path, "run-1")


def weights(value):
    return {"weights/a": np.full(3, value, np.float32)}


def save(store, kept, value, held, *, epoch, step):
    """Save a state of some weights while a callback holds others."""
    kept.take({} if held is None else {"Mine": held}, weights(value), epoch=epoch, step=step)
    facts = CheckpointFacts(epoch=epoch, step=step, training={"kept": kept.fact})
    store.save_last(weights(value), facts, beside=kept.beside(weights(value)))
    kept.saved(store)


def files(store):
    return sorted(path.name for path in store.folder.glob("kept_*"))


def test_a_file_stays_while_the_last_or_the_previous_state_counts_on_it(store):
    kept, first, second = KeptWeights(), weights(1), weights(3)
    seen = []
    for epoch, held in enumerate((first, first, second, second, None, None), start=1):
        save(store, kept, epoch, held, epoch=epoch, step=10 * epoch)
        seen.append(files(store))
    one, both, other = (
        ["kept_Mine-10.safetensors"],
        ["kept_Mine-10.safetensors", "kept_Mine-30.safetensors"],
        ["kept_Mine-30.safetensors"],
    )
    assert seen == [one, one, both, other, other, []]


def test_weights_that_are_not_the_networks_have_a_file_of_their_own(store):
    kept = KeptWeights()
    save(store, kept, 5, weights(9), epoch=1, step=10)
    found = KeptWeights.found(store, store.load(LAST))
    assert found.weights["Mine"]["weights/a"].tolist() == [9, 9, 9]
    (store.folder / "kept_Mine-10.safetensors").unlink()
    assert KeptWeights.found(store, store.load(LAST)).lost == ("Mine",)


def test_what_is_found_elsewhere_gets_its_file_before_the_next_state(store):
    kept = KeptWeights()
    save(store, kept, 1, weights(1), epoch=1, step=10)
    store.keep_last_as_best()
    (store.folder / "kept_Mine-10.safetensors").unlink()
    again = KeptWeights.found(store, store.load(LAST))
    assert again.lost == ()
    save(store, again, 2, again.weights["Mine"], epoch=2, step=20)
    assert files(store) == ["kept_Mine-10.safetensors"]
    (store.folder / BEST).unlink()
    assert KeptWeights.found(store, store.load(LAST)).weights["Mine"]["weights/a"].tolist() == [1, 1, 1]


def test_runs_of_the_first_release_know_the_epoch_alone(store):
    save_checkpoint(store.folder / BEST, weights(4), CheckpointFacts(epoch=3, step=30, run="run-1"))
    store.save_last(weights(5), CheckpointFacts(epoch=4, step=40, training={"kept": {"Mine": 3}}))
    assert KeptWeights.found(store, store.load(LAST)).weights["Mine"]["weights/a"].tolist() == [4, 4, 4]


def test_names_of_files():
    assert is_kept_file("kept_EarlyStopping-12.safetensors")
    assert is_kept_file("kept_1.EarlyStopping.safetensors")
    assert not is_kept_file("kept.safetensors")
