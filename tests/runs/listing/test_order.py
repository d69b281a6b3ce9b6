from __future__ import annotations

import os

import pytest
from runs.listing.small_runs import make_run

from fittool.errors import UsageError
from fittool.nn.metrics import METRICS
from fittool.runs.files.lock import RunLock
from fittool.runs.listing.order import best_among, in_order, is_less_better, to_remove
from fittool.runs.listing.summary import summaries_below


@pytest.fixture
def three(tmp_path):
    make_run(tmp_path / "a", [3.0, 2.0], started="2026-01-03T00:00:00Z")
    make_run(tmp_path / "b", [1.0, 5.0, 6.0], started="2026-01-01T00:00:00Z")
    make_run(tmp_path / "c", started="2026-01-02T00:00:00Z", state="failed")
    return tmp_path


def order(folder, *key):
    return "".join(run.name for run in in_order(summaries_below(folder), *key))


@pytest.mark.parametrize(
    ("key", "names"),
    [("started", "bca"), ("name", "abc"), ("state", "abc"), ("best", "bac"), ("epochs", "bac"), ("seconds", "bac"),
     ("val_loss", "bac"), ("other", "bac")],
)  # fmt: skip
def test_order(three, key, names):
    assert order(three, key) == names


def test_runs_of_one_second_are_in_the_order_in_which_they_began(tmp_path):
    for place, name in enumerate("bca"):
        os.utime(make_run(tmp_path / name) / "experiment.yaml", ns=(place, place))
    assert order(tmp_path) == "bca"


def test_size_is_an_order(three):
    (three / "c/large").write_bytes(bytes(9999))
    assert order(three, "size")[0] == "c"


def test_a_value_that_no_run_has_names_those_there_are(three):
    with pytest.raises(UsageError, match=r"No run has a value val_los\. Did you mean val_loss\?"):
        order(three, "val_los")


def test_the_newest_stay(three):
    assert [run.name for run in to_remove(summaries_below(three), 1)] == ["c", "b"]


def test_the_best_stay(three):
    assert [run.name for run in to_remove(summaries_below(three), 1, "val_loss")] == ["a", "c"]


def test_a_run_at_work_never_goes_and_is_not_counted(three):
    with RunLock(three / "a"):
        make_run(three / "d", state="running", started="2026-02-01T00:00:00Z")
        (three / "a/status.json").write_bytes((three / "d/status.json").read_bytes())
        assert [run.name for run in to_remove(summaries_below(three), 0)] == ["d", "c", "b"]
        assert [run.name for run in to_remove(summaries_below(three), 1)] == ["c", "b"]


def test_directions_by_name_are_those_of_the_metrics():
    """A list reads no experiment, so it goes by names; for fittool's own metrics that is right."""
    arguments = {"TopKCategoricalAccuracy": {"k": 2}, "SparseTopKCategoricalAccuracy": {"k": 2}}
    metrics = [METRICS.parse({name: arguments.get(name, {})}) for name in METRICS.members]
    assert len(metrics) > 20
    assert [one.log_name for one in metrics if is_less_better(one.log_name) != (one.mode == "min")] == []
    assert all(map(is_less_better, ("loss", "val_loss", "head_loss")))


def test_best_among():
    assert best_among("val_loss", [3.0, None, 1.0, float("nan")]) == {2}
    assert best_among("accuracy", [0.5, 0.9, 0.9]) == {1, 2}
    assert best_among("accuracy", [0.5, None]) == best_among("accuracy", [0.5, 0.5]) == set()
