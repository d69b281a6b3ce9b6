"""Opening a file from elsewhere runs nothing: no import, no unpickling, no process, no socket, whatever it is opened as."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from experiment import hostile_files

import fittool as ft
from fittool.config.experiment_file import load_experiment
from fittool.data.images.decoding import ImageForm, read_image
from fittool.data.sources import CsvSource, IdxSource, NpySource, NpzSource, ShardsSource, SourceContext
from fittool.errors import FittoolError
from fittool.runs.checkpoint import load_checkpoint

CONTEXT = SourceContext(class_mode="sparse")
FORBIDDEN = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "ctypes.dlopen")
HERE = Path("hostile")
FILES = {
    name: content
    for kind in (hostile_files.pickles, hostile_files.archives, hostile_files.streams, hostile_files.experiments)
    for name, content in kind(HERE).items()
}
READERS: dict[str, Callable[[Path], object]] = {
    "checkpoint": load_checkpoint,
    "model": lambda path: ft.load_model(str(path)),
    "npy": lambda path: NpySource(x=str(path), y=str(path)).open(CONTEXT),
    "npz": lambda path: NpzSource(path=str(path)).open(CONTEXT),
    "csv": lambda path: CsvSource(path=str(path), label="y").open(CONTEXT),
    "idx": lambda path: IdxSource(images=str(path), labels=str(path)).open(CONTEXT),
    "shard": lambda path: ShardsSource(path=str(path)).open(CONTEXT).load(np.zeros(1, np.int64)),
    "image": lambda path: read_image(path, ImageForm((8, 8))),
    "experiment": lambda path: load_experiment(path, [], {}),
}
_seen: list[str] = []
_watching: list[bool] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in FORBIDDEN:
        _seen.append(f"{event} {arguments!r}")


sys.addaudithook(_watch)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Whatever happens inside, the interpreter tells of it: a call that runs code is an error."""
    _seen.clear()
    _watching.append(True)
    try:
        yield
    finally:
        _watching.pop()
    assert not _seen


def refused(read: Callable[[Path], object], path: Path) -> str:
    """What is said of a file, or "" where it is read."""
    try:
        read(path)
    except (FittoolError, ValueError) as error:
        return str(error)
    return ""


def test_there_are_enough() -> None:
    assert len(FILES) >= 60


def test_a_careless_reader_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    HERE.mkdir()
    (HERE / "a").write_bytes(FILES["npy of objects"])
    with pytest.raises(AssertionError, match=r"pickle\.find_class"), nothing_runs():
        np.load(HERE / "a", allow_pickle=True)
    assert (HERE / hostile_files.MARKER).exists()


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("name", FILES)
def test_hostile_file_is_refused_and_runs_nothing(name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    HERE.mkdir()
    (HERE / "evil.py").write_text(f"open({str(HERE / hostile_files.MARKER)!r}, 'w').close()")
    path = HERE / "file"
    path.write_bytes(FILES[name])
    with nothing_runs():
        refusal = refused(READERS[kind], path)
    assert str(path) in refusal or (name, kind) == ("npz that leaves its folder", "npz")  # its arrays are good; the rest is left
    assert not (HERE / hostile_files.MARKER).exists()
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["evil.py", "file", "hostile"]
