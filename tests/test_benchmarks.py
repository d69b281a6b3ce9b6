"""The benchmarks can be run as they say; what they measure is for a quiet machine to tell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOR_CI = {"checkpoint_cost", "disk_cache", "folder_reading", "loading_memory", "peak_memory", "training_cost", "two_workers"}
"""Subjects that take seconds even in the short form; .ci/run plays all."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_figure_is_measured_and_judged() -> None:
    done = run("--turns", "1", "permutation")
    line = done.stdout.splitlines()[2]
    assert line.startswith("permutation") and "fittool" in line and "NumPy" in line
    assert done.returncode == ("MISSED" in line)


@pytest.mark.timeout(900)  # with all extras it starts several frameworks, one after the other
def test_the_short_form_plays_subjects_against_the_peers_that_are_there(tmp_path: Path) -> None:
    from tests.benchmarks.subjects import SUBJECTS

    chosen = [name for name in SUBJECTS if name not in FOR_CI]
    done = run("--short", "--json", str(tmp_path / "figures.json"), *chosen)
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert {figure["subject"] for figure in data["figures"]} == set(chosen)
    assert data["versions"].keys() >= {"fittool", "numpy", "python"} and data["processor"] and data["date"]
    first = next(figure for figure in data["figures"] if figure["sides"])
    assert len(first["sides"]["fittool"]["turns"]) == 1 and first["control"] > 0
    assert first["value"] == pytest.approx(_ratio(first))


def _ratio(figure: dict[str, object]) -> float:
    """The ratio that a figure's name tells: the peer's median over ours, or ours over itself where there is no peer."""
    sides = figure["sides"]
    assert isinstance(sides, dict) and isinstance(figure["name"], str)
    over = figure["name"].split(": ")[1].removesuffix(" / fittool").removesuffix(" alone")
    return float(sides[over]["median"] / sides["fittool"]["median"])


def test_an_unknown_subject_is_refused_with_the_known_ones() -> None:
    done = run("nothing")
    assert done.returncode == 2
    assert "unknown: nothing. There are simple_cnn, resnet20" in done.stderr


def test_an_unknown_peer_is_refused_with_the_known_ones() -> None:
    done = run("--peers", "torch,theano")
    assert done.returncode == 2
    assert "unknown: theano. There are torch, keras-tensorflow" in done.stderr


def test_sides_are_measured_in_turn_and_the_first_once_more() -> None:
    from tests.benchmarks.measuring import side_by_side

    played: list[str] = []

    def side(name: str, *values: float) -> object:
        left = list(values)
        return lambda: (played.append(name), left.pop(0))[1]

    sides = {"ours": side("ours", 9, 9, 1, 2, 3, 2, 8, 4), "peer": side("peer", 9, 6, 9, 7)}
    took = side_by_side(sides, 3)  # type: ignore[arg-type]
    assert played == ["ours", "peer", "ours"] * 4
    assert dict(took) == {"ours": 3, "peer": 7}  # of 1, 3, 8 and 6, 9, 7; the first turn is dropped
    figure = took.figure("peer / ours", "peer", "ours", 2.5)
    assert (figure.value, figure.reached, figure.control) == (7 / 3, False, 3 / 2)


def test_figures_become_tables_of_which_the_later_ones_count() -> None:
    from tests.benchmarks.markdown import tables
    from tests.benchmarks.measuring import Figure
    from tests.benchmarks.output import as_data

    sides = {"fittool": [0.2], "plain PyTorch": [0.3], "Keras on jax": [0.5]}
    old = Figure("net, batch 32: plain PyTorch / fittool", 1.1, 1.2, sides=sides, control=1.2)
    runs = [[old], [Figure(old.name, 1.5, 1.2, sides=sides, control=1.01)], [
        Figure("net, batch 32: Keras on jax / fittool", 2.5, 3, sides=sides, control=1.01),
        Figure("net, batch 32: Keras on torch / fittool", None, 3, note="no torch"),
        Figure("time of a step", 1.02, 1.03, most=True),
    ]]  # fmt: skip
    lines = list(tables({"figures": [as_data("net", figure) for figure in run]} for run in runs))
    assert "| net, batch 32 | 200 ms | 1.50 (1.2) | – | – | **2.50** (3) | 1.01 |" in lines
    assert lines[-1] == "| `net` | time of a step | 1.02 | at most 1.03 | – |"


def test_turns_without_two_free_cores_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.benchmarks import measuring

    gains = iter([1.9, 1.9, 1.9, 1.2, *[1.0] * 58])  # a turn that counts, one that was disturbed, and no more
    monkeypatch.setattr(measuring, "lock_free_gain", lambda: next(gains))
    monkeypatch.setattr(measuring, "PAUSE", 0)
    took = measuring.side_by_side({"one": lambda: 2.0, "two": lambda: 1.0}, 2, on_two=True)
    figure = took.figure("one thread / two", "one", "two", 1.8)
    assert (figure.value, figure.note) == (None, "1 of 60 turns had two free cores")


def test_a_peer_that_ends_is_told_with_its_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.benchmarks.peers.client import WorkerError, Workers
    from tests.benchmarks.peers.work import Work

    side = Workers().side("keras-nothing", Work("fit", "digits-mlp", 32, 32))
    with pytest.raises(WorkerError, match=r"^keras-nothing ended with 1: \w+Error: "):
        side()
    assert "Traceback" in capsys.readouterr().err


def test_a_peer_that_ends_costs_its_own_figure_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.benchmarks.bench import Bench
    from tests.benchmarks.peers import client
    from tests.benchmarks.peers.work import Work

    monkeypatch.setitem(client.PEERS, "keras-nothing", ("Keras on nothing", ()))
    bench = Bench(turns=1, short=True, peers=("keras-nothing",))
    try:
        broken, alone = bench.against_peers("net", Work("fit", "digits-mlp", 32, 32), {"keras-nothing": 1.0})
    finally:
        bench.workers.close()
    assert (broken.name, broken.value, broken.reached) == ("net: Keras on nothing / fittool", None, False)
    assert alone.value == 1 and len(alone.sides["fittool"]) == 1


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_one_call_for_graphics_cards_runs_on_a_processor() -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--device", "cpu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 13


def test_commands_keep_their_bytecode_as_a_user_s_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.benchmarks.peers.client import environment

    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment("keras-jax", 1)
