"""Compiles the kernels: one small library for each instruction set, into `fittool/kernels/libraries/`.

Run by the build hook before fittool is installed, so it needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "source"
LIBRARIES = HERE / "libraries"
# No contraction and nothing that reorders: the sources say where a product and a sum are rounded once, for every compiler.
FLAGS = (
    "-std=c++17",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-exceptions",
    "-fno-rtti",
    "-fPIC",
    "-fvisibility=hidden",
)
WHEEL_VARIABLE = "FITTOOL_WHEEL_FOR"
"""Names the platform in `PLATFORMS` that a wheel is made for, where it is another one than this; see `wheels.py`."""
_COMPILERS = ("c++", "g++", "clang++")


@dataclass(frozen=True)
class InstructionSet:
    """What a library is compiled for.

    Attributes:
        name: As part of the file's name.
        machines: The names that `platform.machine()` has for such processors.
        flags: For the kernels.
        base: For the function that asks the processor whether it knows the instructions.
    """

    name: str
    machines: tuple[str, ...]
    flags: tuple[str, ...]
    base: tuple[str, ...]


INSTRUCTION_SETS = (
    InstructionSet(
        "avx512", ("x86_64", "AMD64"), ("-march=x86-64-v4", "-mprefer-vector-width=512"), ("-march=x86-64", "-DFOR_AVX512")
    ),
    InstructionSet("avx2", ("x86_64", "AMD64"), ("-march=x86-64-v3",), ("-march=x86-64", "-DFOR_AVX2")),
    InstructionSet("neon", ("aarch64", "arm64"), (), ()),
)
"""From the widest to the narrowest."""


def sets_of(machine: str) -> list[InstructionSet]:
    """The instruction sets that a kind of processor may have, the widest first."""
    return [one for one in INSTRUCTION_SETS if machine in one.machines]


def library_name(instructions: InstructionSet) -> str:
    """The file that holds the kernels for one instruction set."""
    return f"kernels_{instructions.name}.so"


def sources_digest() -> str:
    """16 hex digits of all sources and flags: a library made of others is not used."""
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for path in sorted([*SOURCE.glob("*.cc"), *SOURCE.glob("*.h")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def find_compiler() -> list[str] | None:
    """The C++ compiler's command: that of the variable CXX, else one on the path; None where none is."""
    asked = os.environ.get("CXX", "").split()
    if asked:
        return asked if shutil.which(asked[0]) else None
    return next(([found] for name in _COMPILERS if (found := shutil.which(name))), None)


def compile_library(
    compiler: Sequence[str],
    instructions: InstructionSet,
    target: Path,
    extra: Iterable[str] = (),
    linking: Iterable[str] = (),
) -> None:
    """Compile and link one library.

    Args:
        compiler: The command, with its first arguments.
        instructions: What for.
        target: The file to write.
        extra: Further flags, such as those of a sanitizer.
        linking: Further flags for the linker alone.

    Raises:
        OSError: The compiler cannot be run, or failed; with what it said.
    """
    common, digest = [*FLAGS, *extra], f'-DSOURCES="{sources_digest()}"'
    files = sorted(SOURCE.glob("*.cc"))
    with tempfile.TemporaryDirectory() as folder:
        objects = [Path(folder) / f"{file.stem}.o" for file in files]
        jobs = []
        for file, made in zip(files, objects, strict=True):
            flags = instructions.base if file.stem == "supported" else instructions.flags
            jobs.append([*compiler, *common, digest, *flags, "-c", str(file), "-o", str(made)])
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(_run, jobs))
        # Under another name first: a process that has the old library open keeps it, and nobody sees half of the new one.
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        target.parent.mkdir(parents=True, exist_ok=True)
        _run([*compiler, *extra, *linking, "-shared", *map(str, objects), "-o", str(fresh), "-lm"])
        fresh.replace(target)


@dataclass(frozen=True)
class Platform:
    """A platform that wheels are made for, by a compiler for all of them.

    Attributes:
        tag: Of the wheel.
        machine: As `platform.machine()` names it there.
        target: As the compiler names it.
    """

    tag: str
    machine: str
    target: str


PLATFORMS = {
    "linux-x86_64": Platform("manylinux_2_17_x86_64.manylinux2014_x86_64", "x86_64", "x86_64-linux-gnu.2.17"),
    "linux-aarch64": Platform("manylinux_2_17_aarch64.manylinux2014_aarch64", "aarch64", "aarch64-linux-gnu.2.17"),
    "macos-x86_64": Platform("macosx_11_0_x86_64", "x86_64", "x86_64-macos.11.0"),
    "macos-arm64": Platform("macosx_11_0_arm64", "arm64", "aarch64-macos.11.0"),
}
"""Whoever has another platform, Windows say, gets the pure wheel, and NumPy computes."""


def cross_flags(platform: Platform, flags: Iterable[str]) -> list[str]:
    """Flags in the words of Zig's compiler, which writes the names of processors with underscores."""
    words = [flag.replace("x86-64-", "x86_64_").replace("x86-64", "x86_64") for flag in flags]
    # Zig adds the sanitizer of undefined behaviour and debugging information of its own accord.
    return ["-target", platform.target, "-fno-sanitize=undefined", "-g0", *words]


def compile_for(platform: Platform, compiler: Sequence[str], folder: Path) -> list[Path]:
    """Compile the libraries of another platform.

    Args:
        platform: What for.
        compiler: Zig's C++ compiler, such as `python -m ziglang c++`.
        folder: Takes the libraries.

    Raises:
        OSError: The compiler cannot be run, or failed; with what it said.
    """
    made = []
    for one in sets_of(platform.machine):
        flags, base = (tuple(cross_flags(platform, words)) for words in (one.flags, one.base))
        made.append(folder / library_name(one))
        here = InstructionSet(one.name, one.machines, flags, base)
        compile_library(compiler, here, made[-1], linking=["-target", platform.target, "-s", "-nostdlib++"])
    return made


def compile_here(folder: Path = LIBRARIES) -> tuple[list[Path], str]:
    """Compile the libraries for this machine; those that are there and of these sources stay.

    Returns:
        The libraries, and one line on how it went.
    """
    machine = platform.machine()
    wanted = sets_of(machine)
    if not wanted:
        return [], f"no kernels are written for {machine}"
    compiler = find_compiler()
    made, stamp = [folder / library_name(one) for one in wanted], folder / "sources.txt"
    if all(path.exists() for path in made) and stamp.exists() and stamp.read_text() == sources_digest():
        return made, "the kernels are compiled already"
    if compiler is None:
        return [], "no C++ compiler was found, so NumPy computes alone"
    try:
        for one, path in zip(wanted, made, strict=True):
            compile_library(compiler, one, path)
    except OSError as error:
        return [], f"the kernels could not be compiled, so NumPy computes alone: {str(error)[:2000]}"
    stamp.write_text(sources_digest())
    return made, f"kernels compiled with {compiler[0]}: {', '.join(one.name for one in wanted)}"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)} failed: {done.stderr.strip()}")


if __name__ == "__main__":
    print(compile_here()[1])
