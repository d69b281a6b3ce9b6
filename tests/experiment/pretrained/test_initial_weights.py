from __future__ import annotations

import numpy as np
import pytest
from experiment.part_two import trained, weights, written

from fittool.errors import CheckpointError

SHORT = "{epochs: 1, steps_per_epoch: 1}"


def start(folder, more, change=("", "")):
    path = written(folder, SHORT, f"initial_weights: {more}")
    path.write_text(path.read_text().replace(*change, 1) if change[0] else path.read_text())
    return path


def log(run):
    return (run.directory / "run.log").read_text()


@pytest.mark.parametrize("source", ["old", "old/checkpoints/last.safetensors"])
def test_a_run_or_a_file_gives_its_weights(tmp_path, source):
    trained(written(tmp_path, "{epochs: 3}"), "old")
    run = trained(start(tmp_path, f"{{from: {source}}}", ("learning_rate: 0.1", "learning_rate: 0.0")))
    assert "Initial weights from" in log(run) and "4 arrays loaded." in log(run)
    old = weights(type(run)(tmp_path / "old", run.outcome, run.history), "best" if source == "old" else "last")
    assert all(np.array_equal(array, old[name]) for name, array in weights(run).items() if name.startswith("weights/"))


CHANGED = ("units: 2, activation: softmax, name: last", "units: 3, activation: softmax, name: last")


def test_what_does_not_fit_is_an_error_that_names_it(tmp_path):
    trained(written(tmp_path, SHORT), "old")
    message = r"experiment.yaml:7:\d+: The weights .* last/bias has shape \(2,\), the network's \(3,\); last/kernel has"
    with pytest.raises(CheckpointError, match=message) as error:
        trained(start(tmp_path, "{from: old}", CHANGED))
    assert error.value.exit_code == 5
    assert not (tmp_path / "run").exists()


def test_at_most_five_are_named(tmp_path):
    trained(written(tmp_path, SHORT), "old")
    change = (
        "name: first}}, {Dense: {units: 2, activation: softmax, name: last",
        "name: one}}, {Dense: {units: 3, activation: softmax, name: two",
    )
    with pytest.raises(CheckpointError, match=r"no first/bias; .*; one/kernel is missing; and 3 more\."):
        trained(start(tmp_path, "{from: old}", change))


def test_not_strict_leaves_out_what_does_not_fit(tmp_path):
    trained(written(tmp_path, SHORT), "old")
    run = trained(start(tmp_path, "{from: old, strict: false}", ("name: last", "name: end")))
    assert "2 arrays loaded." in log(run)
    assert "Skipped: the network has no last/bias; the network has no last/kernel." in log(run)
    assert "Missing, so as drawn from the seed: end/kernel; end/bias." in log(run)


@pytest.mark.parametrize(("source", "message"), [("gone", "There is no such run or file"), ("numbers.npz", "numbers.npz")])
def test_what_is_no_run_is_refused_with_its_place(tmp_path, source, message):
    with pytest.raises(CheckpointError, match=rf"experiment.yaml:7:\d+: initial_weights cannot be read: .*{message}"):
        trained(start(tmp_path, f"{{from: {source}}}"))
