"""After every end the command that comes next is named, and it works."""

from __future__ import annotations

import shlex

import pytest
from cli.commands import DIVERGING, FROM_GENERATOR, GENERATOR, WORSE_AT_THE_END

from fittool.report.live_page import extra_is_there


def commands(text, before):
    """The commands behind `Next:` or `Go on with:`, and on the lines below that are moved in as far."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(before))
    found = [lines[first].removeprefix(before).strip()]
    for line in lines[first + 1 :]:
        if not line.startswith(" " * len(before)):
            break
        found.append(line.strip())
    return found


def play(fittool, command):
    """What comes of a command that was named."""
    name, *arguments = shlex.split(command)
    assert name == "fittool"
    return fittool(*arguments).code


def test_a_finished_run_is_evaluated_and_reported(fittool, small):
    done = fittool("train", small, "--run-dir", "my run")
    named = commands(done.err, "Next:")
    assert named == ["fittool evaluate 'my run'", *(["fittool report 'my run'"] if extra_is_there() else [])]
    assert [play(fittool, one) for one in named] == [0] * len(named)
    assert done.out == "my run\n"


def test_the_command_comes_last_behind_the_baselines(fittool, write):
    done = fittool("train", write(("epochs: 2", "epochs: 60")), "--run-dir", "here")
    lines = done.err.splitlines()
    assert any("; a line 0." in line for line in lines)
    assert lines[-1].endswith(" here") and "fittool" in lines[-1]


def test_a_run_that_early_stopping_ended_is_evaluated(fittool, write):
    stops = "callbacks: [{EarlyStopping: {monitor: val_loss, patience: 0, start_from_epoch: 0, min_delta: 100}}]\n"
    config = write(("  validation_split: 0.25\n", f"  validation_split: 0.25\n{stops}"), ("epochs: 2", "epochs: 9"))
    done = fittool("train", config, "--run-dir", "here")
    assert "Stopped at epoch" in done.err
    assert commands(done.err, "Next:")[0] == "fittool evaluate here"


def test_a_run_that_ran_out_of_time_is_resumed(fittool, write):
    done = fittool("train", write(("epochs: 2", "epochs: 100000")), "--run-dir", "here", "--timeout", "0.2s")
    assert done.code == 75
    assert commands(done.err, "Go on with:") == ["fittool resume here"]


def test_a_run_that_diverged_at_once_is_measured_for_a_better_rate(fittool, small):
    done = fittool("train", small, "--run-dir", "here", *DIVERGING)
    assert done.code == 9
    assert commands(done.err, "Go on with:") == ["fittool lr-find e.yaml"]


def test_a_run_that_diverged_later_has_a_best_epoch_to_use(fittool, write):
    config = write(
        *WORSE_AT_THE_END, ("values: [0.01, 3.0]", "values: [0.01, 1.0e+30]"), ("activation: relu", "activation: linear")
    )
    done = fittool("train", config, "--run-dir", "here")
    assert done.code == 9
    named = commands(done.err, "Go on with:")
    assert named == ["fittool lr-find e.yaml", "fittool evaluate here"]
    assert play(fittool, named[1]) == 0


def test_a_run_whose_code_failed_is_resumed(fittool, write, folder):
    write(text=GENERATOR.replace("        yield", "        if _ == 4: raise OSError('gone')\n        yield"), name="mine.py")
    done = fittool("train", write(*FROM_GENERATOR), "--run-dir", "here", "--set", "output.checkpoint.every={steps: 2}")
    assert done.code == 10
    assert commands(done.err, "Go on with:") == ["fittool resume here --experiment e.yaml"]
    write(text=GENERATOR, name="mine.py")
    assert play(fittool, "fittool resume here --experiment e.yaml") == 0


@pytest.mark.parametrize("options", [("--smoke",), ("--quiet",), ("--verbose", "0")])
def test_where_nothing_is_kept_or_wanted_nothing_is_named(fittool, small, options):
    assert "Next:" not in fittool("train", small, *options).err
