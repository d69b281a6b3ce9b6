"""The peers that are installed, and their processes."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from tests.benchmarks.machine import ROOT
from tests.benchmarks.peers.work import Work

OURS, OURS_ON_TORCH = "fittool-numpy", "fittool-torch"
PEERS = {
    "torch": ("plain PyTorch", ("torch",)),
    "keras-tensorflow": ("Keras on tensorflow", ("keras", "tensorflow")),
    "keras-torch": ("Keras on torch", ("keras", "torch")),
    "keras-jax": ("Keras on jax", ("keras", "jax")),
}
"""By the name of its process: how a peer is called, and the packages that it needs."""
KERAS = tuple(name for name in PEERS if name.startswith("keras-"))
Measure = Literal["processor", "wall", "peak"]


class WorkerError(Exception):
    """A peer's process ended, with the last line that it wrote."""


def missing(peer: str) -> str | None:
    """The package that a peer lacks."""
    return next((package for package in PEERS[peer][1] if importlib.util.find_spec(package) is None), None)


def environment(peer: str, threads: int) -> dict[str, str]:
    """Variables for a process that computes with so many threads.

    Compiled bytecode is kept, as it is for a user: where it is forbidden, all sources would be compiled each time.
    """
    kept = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads), "FITTOOL_VIEW_METRICS": "false"}
    backend = {"KERAS_BACKEND": peer.removeprefix("keras-"), "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**given, **kept, **(backend if peer.startswith("keras-") else {})}


class Worker:
    """One process of a peer, which does its turns when it is asked to."""

    def __init__(self, peer: str, threads: int) -> None:
        self.peer = peer
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.peers.worker", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            cwd=ROOT,
            env=environment(peer, threads),
        )

    def measured(self, work: Work) -> dict[str, Any]:
        """Seconds of one turn, and the most memory until then.

        Raises:
            WorkerError: The process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(asdict(work)) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip()
            self.close()
            print(said, file=sys.stderr)
            raise WorkerError(f"{self.peer} ended with {self._process.returncode}: {said.rpartition(chr(10))[2]}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()
        self._said.close()


class Workers:
    """The processes of all peers, each started when it is first asked."""

    def __init__(self) -> None:
        self._workers: dict[tuple[str, int], Worker] = {}

    def side(self, peer: str, work: Work, measure: Measure = "processor") -> Callable[[], float]:
        """A turn of the work in the peer's process, which stays for the next one."""

        def turn() -> float:
            key = peer, work.threads
            if key not in self._workers:
                self._workers[key] = Worker(*key)
            try:
                return float(self._workers[key].measured(work)[measure])
            except WorkerError:
                del self._workers[key]
                raise

        return turn

    @staticmethod
    def alone(peer: str, work: Work, measure: Measure) -> float:
        """A turn of the work in a process of its own."""
        alone = Workers()
        try:
            return alone.side(peer, work, measure)()
        finally:
            alone.close()

    def close(self) -> None:
        """Let all of them end."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()
