"""Whole commands from their start to their end, imports included, in processor time: training, `check`, and the PyTorch engine.

Four epochs of the digits by a small network, with validation and kept weights, against the same script for Keras; `check` of a
shipped experiment against another build of fittool; and what a command adds to a script that does the same with PyTorch alone.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.machine import ROOT
from tests.benchmarks.measuring import Figure, processor_seconds, seconds
from tests.benchmarks.peers.client import KERAS, PEERS, environment, missing
from tests.benchmarks.peers.work import DIGITS

SHIPPED = ROOT / "configs" / "digits_fit.yaml"
SCRIPTS = Path(__file__).parents[1] / "peers" / "scripts"
EXPERIMENT = f"""\
seed: 7
data: {{train: {{npz: {{path: {DIGITS}}}}}}}
model: {{preset: mlp}}
compile: {{optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
train: {{mode: fit, batch_size: 32, epochs: 4, validation_split: 0.2}}
"""


def figures(bench: Bench) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "digits.yaml").write_text(EXPERIMENT, encoding="utf-8")
        ours = ["-m", "fittool", "train", str(folder / "digits.yaml"), "--quiet", "--set", f"output.dir={folder}/runs"]
        peers = [peer for peer in KERAS if peer in bench.peers and missing(peer) is None]
        sides = {"fittool": _command(bench, ours)}
        script = [str(SCRIPTS / "keras_digits.py"), str(DIGITS), str(folder / "kept.weights.h5")]
        sides |= {PEERS[peer][0]: _command(bench, script, peer) for peer in peers}
        took = bench.compare(sides)
    note = took.in_numbers("s")
    for peer in peers:
        yield took.figure(f"4 epochs of digits-mlp: {PEERS[peer][0]} / fittool", PEERS[peer][0], "fittool", 5, note=note)
        note = ""
    if not peers:
        yield Figure("4 epochs of digits-mlp: Keras / fittool", None, 5, note=f"no Keras; {note}")


def check(bench: Bench) -> Iterator[Figure]:
    """`check` of a shipped experiment against the same by another build."""
    line = ["-m", "fittool", "check", str(SHIPPED)]
    sides = {"fittool": _command(bench, line)}
    if bench.former is None:
        took = bench.compare(sides)
        yield Figure("check of a shipped experiment / the former build", None, 0.5, True, f"no --former; {took.in_numbers('s')}")
        return
    sides["former"] = _command(bench, line, former=bench.former)
    took = bench.compare(sides)
    name = "check of a shipped experiment / the former build"
    yield took.figure(name, "fittool", "former", 0.5, most=True, note=took.in_numbers("s"))


def on_torch(bench: Bench) -> Iterator[Figure]:
    """What a command adds to a script that does the same with PyTorch alone, in seconds."""
    name = "4 epochs of digits, command - script, in seconds"
    if importlib.util.find_spec("torch") is None:
        yield Figure(name, None, 0.5, True, "no torch")
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = ("--engine", "torch", "--set", "train.epochs=4", "--set", f"output.dir={folder}")
        command = ["-m", "fittool", "train", str(SHIPPED), "--quiet", *settings]
        script = [str(SCRIPTS / "torch_digits.py"), str(DIGITS)]
        took = bench.compare({"script": _command(bench, script, "torch"), "command": _command(bench, command)})
    more = took["command"] - took["script"]
    yield Figure(name, more, 0.5, True, took.in_numbers("s"), took.values_of, took.control)


def _command(bench: Bench, arguments: list[str], peer: str = "fittool", former: Path | None = None) -> Callable[[], float]:
    """A Python with these arguments, timed."""
    python, variables = sys.executable, environment(peer, bench.threads)
    if former is not None and (former / "bin" / "python").exists():
        python, variables["PYTHONPATH"] = str(former / "bin" / "python"), ""
    elif former is not None:
        variables["PYTHONPATH"] = str(former.resolve())
    run = partial(
        subprocess.run, [python, "-W", "ignore", *arguments], check=True, env=variables, cwd=tempfile.gettempdir(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return lambda: (seconds if bench.wall else processor_seconds)(run)
