from __future__ import annotations

import hashlib
import json
import math
import resource
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from fittool.errors import CheckpointError, StorageError, shown
from fittool.runs.checkpoint import Checkpoint, CheckpointFacts, encode_checkpoint, load_checkpoint, save_checkpoint
from fittool.runs.format import FORMAT
from fittool.version import __version__

FACTS = CheckpointFacts(
    epoch=3,
    step=135,
    step_in_epoch=2,
    run="20261122-231501-4f2a",
    model="abc",
    class_names=("cat", 'a"\\"sha256\\":\\"', "\udcff"),
    callbacks={"EarlyStopping": {"best": math.inf, "wait": 2}},
    training={"history": [0.1, 1e-300]},
    metrics_bytes=321,
    architecture={"layers": ["Flatten"]},
)


def content(tensors, facts=FACTS) -> bytes:
    return b"".join(bytes(chunk) for chunk in encode_checkpoint(tensors, facts))


def with_facts(tensors, change, extra=None) -> bytes:
    """A checkpoint whose facts were changed by someone who made the hash right again."""
    whole = content(tensors)
    (length,) = struct.unpack_from("<Q", whole)
    said = json.loads(json.loads(whole[8 : 8 + length])["__metadata__"]["fittool"])
    said = {"sha256": "0" * 64, **change({name: value for name, value in said.items() if name != "sha256"})}
    blob = save(tensors | (extra or {}), {"fittool": json.dumps(said, separators=(",", ":"))})
    return blob.replace(b"0" * 64, hashlib.sha256(blob).hexdigest().encode(), 1)


def test_everything_comes_back(tensors, tmp_path):
    assert save_checkpoint(tmp_path / "a", tensors, FACTS) is None
    checkpoint = load_checkpoint(tmp_path / "a")
    assert (checkpoint.facts, checkpoint.version, checkpoint.path) == (FACTS, __version__, tmp_path / "a")
    assert set(checkpoint.tensors) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(checkpoint.tensors[name], array, strict=True)


def test_other_tools_read_the_tensors(tensors, tmp_path):
    save_checkpoint(tmp_path / "a", tensors, FACTS)
    np.testing.assert_array_equal(load_file(tmp_path / "a")["weights/dense/kernel"], tensors["weights/dense/kernel"])


def test_equal_content_gives_equal_bytes(tensors):
    backwards = {name: np.array(tensors[name], order="F") for name in reversed(tensors)}
    assert content(tensors) == content(backwards)


def test_an_array_that_is_a_strided_view_is_saved_as_it_looks(tmp_path):
    array = np.arange(24, dtype=">f4").reshape(4, 6)[::2, ::-3]
    save_checkpoint(tmp_path / "a", {"weights/a": array}, CheckpointFacts())
    assert load_checkpoint(tmp_path / "a").tensors["weights/a"].tolist() == array.tolist()


def test_facts_alone_make_a_checkpoint_too(tmp_path):
    save_checkpoint(tmp_path / "a", {}, CheckpointFacts())
    assert load_checkpoint(tmp_path / "a").facts == CheckpointFacts()


@pytest.mark.parametrize(("name", "dtype"), [("seed", "f4"), ("weights", "f4"), ("weights/a", "c8"), ("weights/a", "U3")])
def test_a_tensor_without_a_place_in_a_checkpoint_is_a_mistake(name, dtype):
    with pytest.raises(ValueError, match="has no place in a checkpoint"):
        encode_checkpoint({name: np.zeros(1, dtype)}, CheckpointFacts())


def test_every_flipped_byte_is_found(tensors, tmp_path):
    whole, path = content(tensors), tmp_path / "a"
    for position in range(len(whole)):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[position] ^= flip
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=f"^{shown(path)}: "):
                load_checkpoint(path)


def test_every_truncation_is_found(tensors, tmp_path):
    whole, path = content(tensors), tmp_path / "a"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=f"^{shown(path)}: (is (empty|cut off|not a )|begins)"):
            load_checkpoint(path)


@pytest.mark.parametrize("tail", [b"\0", b"PK\x03\x04", b"\x80\x04N."])
def test_something_behind_the_end_is_found(tail, tensors, tmp_path):
    (tmp_path / "a").write_bytes(content(tensors) + tail)
    with pytest.raises(CheckpointError, match="has something behind its end"):
        load_checkpoint(tmp_path / "a")


@pytest.mark.parametrize(
    ("metadata", "cause"),
    [
        (None, "was not written by fittool"),
        ({"fittool": "{"}, "has damaged facts: Expecting"),
        ({"fittool": "\ud800".encode("utf-8", "backslashreplace").decode()}, "has damaged facts"),
        ({"fittool": "[]"}, "format or version is missing"),
        ({"fittool": '{"format": true, "version": "1"}'}, "format or version is missing"),
        ({"fittool": '{"format": 1}'}, "format or version is missing"),
        ({"fittool": '{"format": 3, "version": "3.1\\n"}'}, r"was written by fittool 3\.1\\n in format 3; this is .*: upgrade\."),
        ({"fittool": '{"format": 0, "version": "3.1"}'}, "there is no format 0"),
        ({"fittool": '{"format": 1, "version": "1"}'}, "its sha256 is not the one"),
        ({"fittool": '{"format": 2, "version": "1"}'}, "its sha256 is not the one"),
    ],
)
def test_metadata_of_something_else_are_refused(metadata, cause, tensors, tmp_path):
    (tmp_path / "a").write_bytes(save(tensors, metadata))
    with pytest.raises(CheckpointError, match=cause):
        load_checkpoint(tmp_path / "a")


def test_a_right_hash_over_a_foreign_tensor_does_not_help(tensors, tmp_path):
    (tmp_path / "a").write_bytes(with_facts(tensors, lambda said: said, extra={"../../x": np.zeros(1)}))
    with pytest.raises(CheckpointError, match=r"is not a checkpoint: it holds the tensor \.\./\.\./x"):
        load_checkpoint(tmp_path / "a")


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": -1},
        {"step": True},
        {"step_in_epoch": 1.5},
        {"metrics_bytes": None},
        {"run": 3},
        {"callbacks": []},
        {"training": None},
        {"class_names": "cat"},
        {"class_names": [1]},
        {"architecture": []},
    ],
)
def test_a_right_hash_over_wrong_facts_does_not_help(change, tensors, tmp_path):
    (tmp_path / "a").write_bytes(with_facts(tensors, lambda said: said | change))
    with pytest.raises(CheckpointError, match="a fact is missing or of the wrong type"):
        load_checkpoint(tmp_path / "a")


def test_facts_that_this_version_does_not_know_are_passed_over(tensors, tmp_path):
    (tmp_path / "a").write_bytes(with_facts(tensors, lambda said: said | {"module": "os", "epoch": 9}))
    assert load_checkpoint(tmp_path / "a").facts.epoch == 9


def test_a_full_disk_keeps_the_old_checkpoint(tensors, tmp_path):
    save_checkpoint(tmp_path / "a", tensors, FACTS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(StorageError, match="a: cannot be written"):
            save_checkpoint(tmp_path / "a", {"weights/a": np.zeros(1000)}, FACTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(tmp_path / "a").facts == FACTS


def checkpoint_of(facts: CheckpointFacts, path) -> Checkpoint:
    return Checkpoint(facts, {}, __version__, path / "a", FORMAT)


def test_the_own_run_model_and_classes_fit(tmp_path):
    checkpoint = checkpoint_of(FACTS, tmp_path)
    checkpoint.check_fits(run=FACTS.run, model="abc", class_names=list(FACTS.class_names or ()))
    checkpoint.check_fits()


@pytest.mark.parametrize(
    ("wanted", "cause"),
    [
        ({"run": "x"}, "another run: it has 20261122-231501-4f2a, expected x"),
        ({"model": "y"}, "another model: it has abc, expected y"),
        ({"class_names": ["dog", "cat"]}, "another list of classes: it has cat, dog, expected dog, cat"),
        ({"class_names": ["n" * 500]}, "expected n{200}…"),
    ],
)
def test_the_checkpoint_of_something_else_does_not_fit(wanted, cause, tmp_path):
    facts = CheckpointFacts(run=FACTS.run, model="abc", class_names=("cat", "dog"))
    with pytest.raises(CheckpointError, match=cause):
        checkpoint_of(facts, tmp_path).check_fits(**wanted)


def test_weights_that_are_not_finite_are_refused_to_go_on_from_and_warned_of(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"weights/a": np.array([1, np.nan], np.float32), "weights/n": np.ones(1, np.int64)}, CheckpointFacts())
    checkpoint = load_checkpoint(path)
    with pytest.raises(CheckpointError, match=r"a\.safetensors: weights/a holds numbers that are not finite"):
        checkpoint.check_finite()
    assert "a.safetensors: weights/a holds numbers that are not finite, so outputs may be, too." in str(checkpoint.not_finite())


def test_finite_weights_are_fine(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"weights/a": np.ones(2, np.float32), "metrics/m": np.full(1, np.inf)}, CheckpointFacts())
    load_checkpoint(path).check_finite()
    assert load_checkpoint(path).not_finite() is None
