from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from cli.commands import environment, fittool, folder, small, write

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


__all__ = ["fittool", "folder", "small", "write"]
REPORT = ("--set", "output.report=true")


def test_a_run_ends_with_its_report_and_says_where(fittool, small):
    done = fittool("train", small, *REPORT)
    assert f"Report: {done.run.path}/report.html" in done.err.splitlines()
    first = done.run.paths.report.read_text()
    assert {"loss.png", "confusion.png"} <= {path.name for path in done.run.paths.plots.iterdir()}
    assert fittool("report", done.run.path).code == 0
    assert _without_paths(done.run.paths.report.read_text()) == _without_paths(first)


def _without_paths(page):
    return [line for line in page.splitlines() if "Report:" not in line]


def test_a_run_that_went_on_ends_with_a_new_one(fittool, small):
    run = fittool("train", small, *REPORT).run
    run.paths.report.unlink()
    assert fittool("resume", run.path, "--epochs", "3").code == 0
    assert "Epoch 3 of 3, completed." in run.paths.report.read_text()


@pytest.mark.parametrize("options", [("--set", "output.report=false"), (*REPORT, "--smoke", "--run-dir", "here")])
def test_where_none_is_wanted_there_is_none(fittool, small, folder, options):
    done = fittool("train", small, *options)
    assert done.code == 0
    assert not (done.run.path / "report.html").exists()


def test_what_fails_is_a_warning(fittool, small, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no ink\x1b[31m")

    monkeypatch.setattr("fittool.experiment.reporting.report.report_of", fail)
    done = fittool("train", small, *REPORT)
    assert done.code == 0
    assert "warning: the report is not written: no ink\\x1b[31m" in done.err
    assert done.run.read_status().state == "completed"


def test_it_measures_what_is_open_and_reads_no_data_again(fittool, small, monkeypatch):
    def again(*arguments, **named):
        raise AssertionError("the data are opened once more")

    monkeypatch.setattr("fittool.experiment.own_data.open_data", again)
    done = fittool("train", small, *REPORT)
    assert "Report:" in done.err


def test_a_quiet_run_has_one_too(fittool, small, folder):
    done = fittool("train", small, *REPORT, "--quiet", "--run-dir", "here")
    assert (done.out, done.err) == ("", "")
    assert "What is taken for what" in (folder / "here" / "report.html").read_text()


def test_a_wanted_report_without_the_extra_is_an_error_before_anything(fittool, small, folder, monkeypatch):
    monkeypatch.setattr("fittool.report.live_page._NEEDED", ("no_such_package",))
    done = fittool("train", small, *REPORT)
    assert (done.code, "output.report needs no_such_package" in done.err) == (6, True)
    assert not (folder / "runs").exists()


def test_a_run_of_code_has_one_without_being_asked_again(fittool, write, folder):
    (folder / "mine.py").write_text("def invert(image):\n    return 255 - image\n")
    text = "  mode: fit_generator\n  validation_split: 0.25\naugmentation: {preprocessing_function: 'mine:invert'}\n"
    done = fittool("train", write(("  validation_split: 0.25\n", text)), *REPORT)
    assert "Report:" in done.err, done.err


def test_a_signal_while_it_is_drawn_leaves_a_finished_run(small, folder):
    (folder / "slow.py").write_text(
        "import sys, time\n"
        "from fittool.experiment.reporting import report\n"
        "def slow(run, way):\n"
        "    print('drawing', flush=True)\n"
        "    while True:\n"
        "        way.progress.due()\n"
        "        time.sleep(0.01)\n"
        "report.report_of = slow\n"
        "from fittool.__main__ import main\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "slow.py", "train", str(small), *REPORT, "--run-dir", "here"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "drawing\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=100)
    assert "the report is left out, as the process is to end" in said
    assert process.returncode == 0
