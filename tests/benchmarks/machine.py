"""The machine that is measured on: what it is, which core is used, and whether a second one is free."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIBRARIES = ("fittool", "numpy", "torch", "keras", "tensorflow", "tensorflow_cpu", "jax", "jaxlib", "scipy", "pillow")
_CAN_PIN = hasattr(os, "sched_setaffinity")
_CORES = os.sched_getaffinity(0) if _CAN_PIN else set()


def facts() -> dict[str, Any]:
    """The machine, the versions and the state of the checkout, for whoever compares figures later."""
    return {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": list(os.getloadavg()),
        "kernels": _kernels(),
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def processor() -> str:
    """The processor's name as Linux or macOS tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Processor"))]
    return names[0] if names else platform.machine()


def _kernels() -> str:
    from fittool.kernels.library import find_library

    library, reason = find_library()
    return str(library.instructions) if library is not None else reason


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    try:
        done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def pin(core: int | None = None) -> int | None:
    """Keep this process, and those that it starts, on one core: by default the last that it may use; None where nobody can."""
    if not _CAN_PIN:
        return None
    chosen = max(_CORES) if core is None else core
    os.sched_setaffinity(0, {chosen})
    return chosen


@contextmanager
def two_cores() -> Iterator[None]:
    """All cores, for this thread and what it starts."""
    if not _CAN_PIN:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def lock_free_gain() -> float:
    """The gain of two threads that share nothing, not even the interpreter's lock: 2 where two cores are free."""
    buffer = _buffer()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_hashed, (buffer[:4096],) * 2))
        start = time.perf_counter()
        pool.submit(_hashed, buffer).result()
        one = time.perf_counter() - start
        start = time.perf_counter()
        list(pool.map(_hashed, (buffer,) * 2))
        return 2 * one / (time.perf_counter() - start)


def _hashed(buffer: bytes) -> bytes:
    return hashlib.blake2b(buffer).digest()  # which lets the lock go for all of a buffer


@functools.cache
def _buffer() -> bytes:
    return bytes(32 << 20)
