"""Which library is opened, and what is said where there is none."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fittool.errors import MachineError
from fittool.kernels import library as module
from fittool.kernels.compiling import LIBRARIES as COMPILED
from fittool.kernels.compiling import compile_here, find_compiler, library_name, sets_of, sources_digest
from fittool.kernels.library import Library, find_library, open_library, report

needs_kernels = pytest.mark.skipif(find_library()[0] is None, reason=find_library()[1])
needs_compiler = pytest.mark.skipif(find_compiler() is None or not sets_of(platform.machine()), reason="nothing to compile with")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A folder of libraries that is empty."""
    monkeypatch.setattr(module, "LIBRARIES", tmp_path)
    monkeypatch.delenv("FITTOOL_KERNELS", raising=False)
    find_library.cache_clear()
    yield
    find_library.cache_clear()


@needs_kernels
def test_a_setting_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FITTOOL_KERNELS", raising=False)
    assert open_library("auto") is open_library("native") is not None
    assert open_library("numpy") is None


@needs_kernels
def test_the_variable_decides_where_the_setting_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTOOL_KERNELS", "numpy")
    assert open_library("auto") is None
    assert open_library("native") is not None
    assert report() == "off, as FITTOOL_KERNELS says"


def test_a_variable_that_says_nothing_sensible_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTOOL_KERNELS", "fast")
    with pytest.raises(MachineError, match="FITTOOL_KERNELS=fast: expected one of auto, native, numpy"):
        open_library("auto")


@pytest.mark.usefixtures("nowhere")
def test_without_a_library_numpy_computes() -> None:
    assert open_library("auto") is None
    assert report().startswith("none, NumPy computes alone (no ")
    with pytest.raises(MachineError, match=r"native needs compiled kernels, and there are none: .* Install fittool where"):
        open_library("native")


@pytest.mark.usefixtures("nowhere")
def test_what_is_no_library_is_not_opened(tmp_path: Path) -> None:
    for one in sets_of(platform.machine()):
        (tmp_path / library_name(one)).write_bytes(b"nothing of the kind")
    found, reason = find_library()
    assert found is None
    assert reason


@needs_kernels
def test_a_library_of_other_sources_is_not_used(nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in COMPILED.glob("*.so"):
        shutil.copy(path, tmp_path)
    assert find_library()[0] is not None
    find_library.cache_clear()
    monkeypatch.setattr(module, "sources_digest", lambda: "0" * 16)
    found, reason = find_library()
    assert found is None
    assert "compiled from other sources; install fittool again" in reason


@pytest.mark.long
@needs_compiler
@pytest.mark.usefixtures("nowhere")
def test_what_is_compiled_is_used_and_not_compiled_again(tmp_path: Path) -> None:
    assert len(compile_here(tmp_path)[0]) == len(sets_of(platform.machine()))
    assert compile_here(tmp_path)[1] == "the kernels are compiled already"
    assert find_library()[0] is not None


@needs_compiler
def test_without_a_compiler_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compile_here(tmp_path / "libraries") == ([], "no C++ compiler was found, so NumPy computes alone")


@needs_compiler
def test_a_compiler_that_fails_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false")
    made, told = compile_here(tmp_path / "libraries")
    assert made == []
    assert told.startswith("the kernels could not be compiled, so NumPy computes alone")


@needs_kernels
def test_an_instruction_set_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTOOL_INSTRUCTION_SET", "sse9")
    with pytest.raises(MachineError, match="FITTOOL_INSTRUCTION_SET is sse9, not one of "):
        open_library("native")


@needs_kernels
def test_a_library_knows_what_it_was_made_of() -> None:
    library = open_library("native")
    assert isinstance(library, Library)
    assert library.path.name == f"kernels_{library.instructions}.so"
    assert len(sources_digest()) == 16
