"""M: what the machine has, lacks, or has otherwise than before."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faults.cases.inputs import experiment
from faults.cases.runner import Case, Done, here

from fittool.runs.checkpoint import load_checkpoint

SOURCE = "{synthetic: {samples: 64, shape: [8, 8, 1], classes: 2}}"


def _training(*changes: tuple[str, str], stubs: Sequence[str] = ()) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        experiment(folder, SOURCE, *changes)
        for name in stubs:
            (folder / "stubs").mkdir(exist_ok=True)
            (folder / "stubs" / f"{name}.py").write_text(f"raise ImportError('No module named {name}', name='{name}')\n")
        return ("train", "e.yaml", "--run-dir", "run", "--quiet")

    return make


@functools.cache
def _usual() -> bytes:
    """The weights of a training in this process."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            done = here([str(argument) for argument in _training()(Path(folder))])
            assert done.code == 0, done.err
            return _weights(Path("run"))
        finally:
            os.chdir(before)


def _weights(run: Path) -> bytes:
    tensors = load_checkpoint(run / "checkpoints" / "last.safetensors").tensors
    return b"".join(tensors[name].tobytes() for name in sorted(tensors))


def _same(done: Done) -> None:
    assert _weights(done.folder / "run") == _usual()


def _engines() -> Iterator[Case]:
    for written in ("gpu", "jax", "cuda", "{numpy: {device: cuda}}"):
        yield Case(
            "M01", f"engine {written}", _training(("name: small", f"name: small\nengine: {written}")), 3, ["e.yaml:2:", "engine"]
        )
    absent = _training(("name: small", "name: small\nengine: {torch: {device: 'cuda:99'}}"))
    yield Case("M01", "engine torch without what it needs", absent, 6, ["torch"])
    for written in ("auto", "numpy"):
        yield Case("M01", f"engine {written}", _training(("name: small", f"name: small\nengine: {written}")), check=_same)
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    yield Case("M01", "no GPU to be seen", _training(), child=True, environment=hidden, check=_same)
    yield Case(
        "M02",
        "more weights than memory",
        _training(("units: 2", "units: 100000000000")),
        6,
        ["e.yaml:4:1: ", "GiB of memory", "smaller"],
    )
    large = _training(
        ("units: 2", "units: 2"), ("batch_size: 4", "batch_size: 1000000"), ("[Flatten,", "[Flatten, {Dense: {units: 100000}},")
    )
    yield Case("M02", "batches that do not fit in memory are no larger than the data", large)


def _missing() -> Iterator[Case]:
    for name in ("numpy", "pydantic", "yaml", "safetensors"):
        says = [f"error: The package {name} is missing or broken: No module named {name}. Install fittool again: pip install"]
        yield Case(
            "M04",
            f"no {name}",
            _training(stubs=[name]),
            6,
            says,
            child=True,
            environment={"PYTHONPATH": f"stubs{os.pathsep}{ROOT}"},
            interpreter=("-P",),
        )
    for name in ("torch", "matplotlib", "jax"):
        environment = {"PYTHONPATH": f"stubs{os.pathsep}{ROOT}"}
        yield Case(
            "M03",
            f"{name} is broken",
            _training(stubs=[name]),
            child=True,
            environment=environment,
            interpreter=("-P",),
            check=_same,
        )


def _resumed_elsewhere(folder: Path) -> Sequence[object]:
    make = _training()
    done = here([str(argument) for argument in make(folder)])
    assert done.code == 0, done.err
    return ("resume", "run", "--epochs", "2")


ROOT = str(Path(__file__).parents[3])
CASES = [
    *_engines(),
    *_missing(),
    Case(
        "M05", "another kernel of BLAS at resume", _resumed_elsewhere, 0, ["not bit-identical"],
        child=True, environment={"OPENBLAS_CORETYPE": "Prescott"}, needs=["x86"],
    ),
    Case("M06", "one processor", _training(), child=True, prefix=("taskset", "-c", "0"), needs=["taskset"], check=_same),
    Case("M06", "one thread of BLAS", _training(), child=True, environment={"OPENBLAS_NUM_THREADS": "1"}, check=_same),
    Case("M06", "eight threads of BLAS", _training(), child=True, environment={"OPENBLAS_NUM_THREADS": "8", "OMP_NUM_THREADS": "8"}, check=_same),
    *(
        Case("M08", " ".join(options), _training(), child=True, interpreter=options, check=_same, long=options not in (("-O",), ("-W", "error")))
        for options in (("-O",), ("-OO",), ("-W", "error"), ("-X", "dev"), ("-B", "-s"))
    ),
    *(
        Case("M08", f"PYTHONHASHSEED={seed}", _training(), child=True, environment={"PYTHONHASHSEED": seed}, check=_same, long=seed != "1")
        for seed in ("0", "1", "4294967295")
    ),
]  # fmt: skip
