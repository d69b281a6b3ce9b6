from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from cli.commands import DIVERGING, LIMIT, environment, wait_for

ENDLESS = ("epochs: 2", "epochs: 1000000")


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out.splitlines(), err


def table(err):
    """The rows of the table at the end, by experiment."""
    rows = err[err.index("experiment ") :].splitlines()
    return {row.split()[0]: row.split()[1:] for row in rows[1:] if row.strip()}


def test_each_is_trained_with_the_options_of_the_call(start, write, folder):
    write(), write(("name: small", "name: other"), name="o.yaml")
    code, lines, err = finish(start("train", "e.yaml", "o.yaml", "--set", "train.epochs=3", "--set", "seed=9", "--verbose", 2))
    assert code == 0, err
    assert [line.split("/")[1] for line in lines] == ["small", "other"]
    found = table(err)
    assert [found[name][0] for name in ("e.yaml", "o.yaml")] == ["0", "0"]
    assert found["o.yaml"][1] == "completed"
    assert found["o.yaml"][-2:] == ["3", lines[1]]


def test_the_lowest_code_counts_and_the_others_are_trained(start, write, folder):
    (
        write(),
        write(("npz: {path: small.npz}", "npz: {path: gone.npz}"), name="bad.yaml"),
        write(("adam", "adamm"), name="worse.yaml"),
    )
    code, lines, err = finish(start("train", "bad.yaml", "worse.yaml", "e.yaml"))
    assert (code, len(lines)) == (3, 1)
    assert [table(err)[name][0] for name in ("bad.yaml", "worse.yaml", "e.yaml")] == ["4", "3", "0"]


def test_one_directory_for_several_is_refused(fittool, write):
    write(), write(name="o.yaml")
    done = fittool("train", "e.yaml", "o.yaml", "--run-dir", "one")
    assert (done.code, "--run-dir names one directory" in done.err) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_one_at_work_and_begins_no_other(start, write, folder, number):
    write(ENDLESS), write(name="o.yaml")
    process = start("train", "e.yaml", "o.yaml", start_new_session=True)
    wait_for(lambda: list(folder.glob("runs/small/2*/metrics.jsonl")), process)
    # As a terminal does with Ctrl-C: all processes of the group get it; a service manager sends to the one that it started.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    code, lines, err = finish(process)
    assert code == -number
    assert lines == []
    assert "The state is saved in runs/small/" in err
    assert table(err)["e.yaml"][0] == str(128 + number)
    assert "o.yaml" not in table(err)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_ctrl_z_stops_the_one_at_work_too_and_both_go_on(start, write, folder):
    def states(*processes):
        return "".join(Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0] for one in processes)

    write(ENDLESS), write(name="o.yaml")
    process = start("train", "e.yaml", "o.yaml", start_new_session=True)
    wait_for(lambda: list(folder.glob("runs/small/2*/metrics.jsonl")), process)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGTSTP)
    wait_for(lambda: states(process.pid, child) == "TT", process)
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: "T" not in states(process.pid, child), process)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == -signal.SIGTERM


def test_a_module_beside_the_experiment_is_not_taken_for_pythons(start, write, folder):
    (folder / "json.py").write_text("raise SystemExit('taken')")
    write(), write(name="o.yaml")
    kept = {name: value for name, value in environment().items() if name != "PYTHONSAFEPATH"}
    code, _, err = finish(start("train", "e.yaml", "o.yaml", env={**kept, "PYTHONSAFEPATH": "1"}))
    assert (code, "taken" in err) == (0, False)


def test_options_that_diverge_are_told_in_the_table(start, write, folder):
    write(), write(name="o.yaml")
    code, _, err = finish(start("train", "e.yaml", "o.yaml", *DIVERGING))
    assert code == 9
    assert {row[0] for row in table(err).values() if row[0].isdigit()} == {"9"}
