"""The same bytes on ARM64 as here: all calls that the shipped experiments make, by one program on both; needs Zig and QEMU."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels.everything import KINDS
from kernels.test_bytes import weights_after_steps

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.config.experiment_file import load_experiment
from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.errors import DataError
from fittool.experiment.building.prepare import fit_together
from fittool.kernels import library as module
from fittool.kernels.compiling import FLAGS, PLATFORMS, SOURCE, compile_for, find_compiler, sets_of
from fittool.kernels.library import Library, find_library
from fittool.kernels.signatures import FILL_MODES, FUNCTIONS, SIGNATURES
from fittool.kernels.tasks import NativeTask

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
_FORMS = {"float32": "f", "float64": "d", "uint32": "u", "uint8": "b", "int32": "i", "int64": "k"}
_POSITIVE = {"variance", "moving_variance", "velocity", "largest", "inverse", "probabilities", "squashed", "divisor"}


def zig() -> list[str] | None:
    """Zig's C++ compiler: that of the package `ziglang`, or one on the path."""
    found = importlib.util.find_spec("ziglang")
    if found is not None and found.origin is not None:
        return [str(Path(found.origin).with_name("zig")), "c++"]
    return ["zig", "c++"] if shutil.which("zig") else None


def line_of(task: NativeTask, name: str, arguments: dict[str, Any]) -> str:
    """A call in the notation of `calls.cc`; arrays in the same memory are one buffer."""
    signature, buffers, words = SIGNATURES[name], dict[int, int](), list[str]()
    top = next((arguments[of].shape[axis] for of, axis in (("probabilities", 1), ("dtable", 0)) if of in arguments), 0)
    for one in signature.parameters():
        array = arguments.get(one.name)
        if array is None:
            words.append("0 n 0 0")
            continue
        form = "p" if one.name in _POSITIVE else _FORMS[one.dtype.name]
        form = "z" if one.dtype == np.float64 and one.written else form
        words.append(f"{array.size} {form} {buffers.setdefault(array.ctypes.data, len(buffers))} {top}")
    axes = dict.fromkeys(axis for one in signature.parameters() for axis in one.axes if not axis.isdecimal())
    sizes = [task.layout.sizes[number] for number in range(len(axes) + len(signature.integers))]
    numbers = [0.01 if key == "rate" else task.layout.numbers[number] for number, key in enumerate(signature.numbers)]
    head = f"{name} {len(words)} {len(sizes)} {len(numbers)}"
    return " ".join([head, *words, *map(str, sizes), *(f"{number:.17g}" for number in numbers)])


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, None]:
    """The calls that are laid out while a test runs, each once."""
    lines: dict[str, None] = {}
    lay_out = Library.task

    def task(self: Library, name: str, scratch: Any = None, **arguments: Any) -> NativeTask:
        made = lay_out(self, name, scratch, **arguments)
        lines[line_of(made, name, arguments)] = None
        return made

    monkeypatch.setattr(module.Library, "task", task)
    return lines


def step_of(path: Path) -> None:
    """One training step of a shipped experiment's network, which lays out all of its calls."""
    prepared = fit_together(load_experiment(path))
    options: dict[str, Any] = {"objectives": prepared.objectives, "optimizer": prepared.optimizer}
    engine = NumpyEngine(prepared.graph, threads=1, kernels="native", **options)
    samples = next(iter(prepared.loader_of(prepared.train).batches(0)))
    engine.train_step(Batch(samples.inputs, samples.targets, samples.sample_weight))
    engine.close()


def everything() -> None:
    """Steps with everything that is registered, every function, and pictures that augmentation moves in every way."""
    for kind in KINDS.values():
        for _, one in kind():
            with contextlib.suppress(DataError):
                one()
    library = find_library()[0]
    assert library is not None
    for function, dtype in itertools.product(range(len(FUNCTIONS)), (np.float32, np.float64)):
        arrays = {"x": np.zeros(3001, dtype), "y": np.zeros(3001, dtype)}
        kernel = "evaluate" if dtype is np.float32 else "evaluate_doubles"
        library.task(kernel, None, **arrays, function=function, exponent=2.3)
    rng, moves = np.random.default_rng(0), {"rotation_range": 30, "zoom_range": 0.3, "shear_range": 10, "channel_shift_range": 40}
    for fill_mode, order, channels in itertools.product(FILL_MODES, (0, 1), (1, 2, 3, 4, 5)):
        augmentation = Augmentation(**moves, fill_mode=fill_mode, interpolation_order=order)
        for images in (
            rng.integers(0, 256, (3, 19, 23, channels), dtype=np.uint8),
            rng.random((3, 19, 140, channels), np.float32),
        ):
            augment(augmentation, images, 1, 0, np.arange(3))


def program(compiler: list[str], target: Path, flags: tuple[str, ...]) -> Path:
    files = [*map(str, sorted(SOURCE.glob("*.cc"))), str(Path(__file__).with_name("calls.cc"))]
    subprocess.run([*compiler, *FLAGS, *flags, f"-I{SOURCE}", *files, "-o", str(target), "-lm"], check=True)
    return target


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.skipif(find_library()[0] is None or find_compiler() is None, reason="no kernels, or nothing to compile with")
def test_arm64_gives_the_same_bytes(tmp_path: Path, recorded: dict[str, None]) -> None:
    cross, emulator, here = zig(), shutil.which("qemu-aarch64"), find_compiler()
    if cross is None or emulator is None or here is None:
        pytest.skip("needs pip install ziglang, and qemu-user")
    for path in CONFIGS:
        step_of(path)
    everything()
    untried = set(SIGNATURES) - {line.split()[0] for line in recorded}
    assert untried <= {"rectify"}  # which is done with what comes before it
    (tmp_path / "calls").write_text("\n".join(recorded) + "\n")
    arm = program(cross, tmp_path / "arm", ("-target", "aarch64-linux-musl", "-static", "-nostdlib++", "-fno-sanitize=undefined"))
    outputs = [subprocess.run([emulator, arm, tmp_path / "calls"], capture_output=True, text=True, check=True).stdout]
    for one in sets_of(platform.machine()):
        if find_library(one.name)[0] is not None:
            mine = program(here, tmp_path / one.name, one.flags)
            outputs.append(subprocess.run([mine, tmp_path / "calls"], capture_output=True, text=True, check=True).stdout)
    assert outputs[0].count("\n") == len(recorded)
    for other in outputs[1:]:
        assert other == outputs[0]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(platform.system() != "Linux" or platform.machine() != "x86_64", reason="compares wheels for Linux on x86-64")
def test_the_compiler_of_the_wheels_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cross = zig()
    if cross is None or find_library()[0] is None:
        pytest.skip("needs pip install ziglang, and compiled kernels")
    names = [one.name for one in sets_of("x86_64") if find_library(one.name)[0] is not None]
    compile_for(PLATFORMS["linux-x86_64"], cross, tmp_path)
    found = set()
    for folder in (module.LIBRARIES, tmp_path):
        monkeypatch.setattr(module, "LIBRARIES", folder)
        for name in names:
            find_library.cache_clear()
            monkeypatch.setenv("FITTOOL_INSTRUCTION_SET", name)
            found.add(weights_after_steps(threads=1))
    find_library.cache_clear()
    assert len(found) == 1
