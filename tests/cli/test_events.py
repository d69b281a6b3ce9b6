from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from cli.commands import DIVERGING, wait_for

from fittool.training.display.events import EventProgress
from fittool.training.display.view import View

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "events.schema.json").read_text())
KEYS = {kind["properties"]["event"]["const"]: kind for kind in SCHEMA["oneOf"]}


def events(out):
    found = [json.loads(line) for line in out.splitlines()]
    for one in found:
        kind = KEYS[one["event"]]
        assert set(kind["required"]) <= set(one)
        assert set(one) - {"event", "time"} <= set(kind["properties"])
    return found


def of(found, kind):
    return [one for one in found if one["event"] == kind]


def test_a_training_from_its_beginning_to_its_end(fittool, small):
    done = fittool("train", small, "--events")
    found = events(done.out)
    assert (done.code, done.err) == (0, "")
    assert found[0]["event"] == "run"
    run = Path(found[0]["directory"])
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [one["values"] for one in of(found, "epoch")] == rows
    assert [one["state"] for one in of(found, "state")] == ["running", "completed"]
    status = json.loads((run / "status.json").read_text())
    end = of(found, "state")[-1]
    assert (end["best"], end["epochs"], end["step"], end["exit_code"]) == (status["best"], 2, status["step"], 0)


def test_a_resumed_run_has_them_too(fittool, small):
    run = fittool("train", small).run
    found = events(fittool("resume", run.path, "--epochs", 3, "--events").out)
    assert [one["epoch"] for one in of(found, "epoch")] == [3]
    assert any("Continuing" in one["text"] for one in of(found, "message"))


def test_an_error_is_an_event_and_is_told(fittool, small):
    done = fittool("train", small, "--events", *DIVERGING)
    found = events(done.out)
    assert done.code == 9
    assert of(found, "state")[-1]["state"] == "diverged"
    assert of(found, "error")[0]["exit_code"] == 9
    assert "loss became NaN" in done.err


def test_data_that_are_missing(fittool, write):
    done = fittool("train", write(("small.npz", "gone.npz")), "--events")
    (error,) = events(done.out)
    assert (done.code, error["event"], error["exit_code"]) == (4, "error", 4)
    assert error["problems"][0]["place"].startswith("e.yaml:")


def test_numbers_that_are_not_finite_are_json():
    text = io.StringIO()
    EventProgress(text).epoch_finished({"epoch": 1, "loss": math.nan, "mae": -math.inf, "seconds": 0.5}, 2, False)
    (found,) = events(text.getvalue())
    assert found["values"] == {"epoch": 1, "loss": {"nonfinite": "nan"}, "mae": {"nonfinite": "-inf"}, "seconds": 0.5}


@pytest.mark.parametrize(("epoch", "left"), [(2, 4.0 + 10.0), (3, 4.0)], ids=["one to come", "the last"])
def test_progress_tells_the_seconds_that_are_left(epoch, left):
    text = io.StringIO()
    progress = EventProgress(text)
    progress.epoch_finished({"epoch": 1, "seconds": 10.0}, 3, False)
    progress.look(View(epoch, 3, done=6, steps=10, seconds=6.0, examples=60, metrics={}))
    (found,) = of(events(text.getvalue()), "progress")
    assert found["seconds_left"] == left


def test_they_come_while_the_training_goes_on(start, write, folder):
    process = start("train", write(("epochs: 2", "epochs: 1000000")), "--events")
    lines = [process.stdout.readline() for _ in range(4)]
    assert process.poll() is None
    assert json.loads(lines[0])["event"] == "run"
    process.stdout.close()
    rows = folder / json.loads(lines[0])["directory"] / "metrics.jsonl"
    wait_for(lambda: rows.exists() and len(rows.read_text().splitlines()) > 8, process)


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_every_event_is_documented(kind):
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind}` |")]
    assert [key for key in KEYS[kind]["properties"] if key != "event" and f"`{key}`" not in row] == []
