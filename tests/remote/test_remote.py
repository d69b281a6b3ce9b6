"""Data at addresses: copied once, and again when they change. Needs the extra `remote`."""

from __future__ import annotations

import http.server
import io
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.remote import is_remote, local_copy
from fittool.data.sources import FolderSource, NpzSource, SourceContext
from fittool.errors import DataError, MachineError, StorageError
from fittool.scaffold.scaffold import from_data

fsspec = pytest.importorskip("fsspec")
CONTEXT = SourceContext(class_mode="sparse")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def put(system, path: str, content: bytes) -> None:
    with system.open(path, "wb") as file:
        file.write(content)


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (value,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def test_addresses_are_told_from_paths():
    assert is_remote("s3://bucket/a")
    assert is_remote("zip://a::https://host/b.zip")
    assert not is_remote("photos/train")
    assert not is_remote("C:/photos")


def test_a_folder_of_pictures(memory):
    for name, value in (("cat/1.png", 1), ("cat/2.png", 2), ("dog/1.png", 3)):
        put(memory, f"/photos/{name}", png(value))
    dataset = FolderSource(path="memory://photos").open(CONTEXT)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.load(np.arange(3))[0][0][:, 0, 0, 0].tolist() == [1, 2, 3]


def test_what_changes_is_copied_again_and_what_is_gone_goes(memory):
    put(memory, "/photos/cat/1.png", png(1))
    put(memory, "/photos/dog/1.png", png(2))
    first = local_copy("memory://photos")
    put(memory, "/photos/cat/1.png", png(200) + b"longer")
    memory.rm("/photos/dog/1.png")
    assert local_copy("memory://photos") == first
    assert (first / "cat" / "1.png").read_bytes() == png(200) + b"longer"
    assert not (first / "dog" / "1.png").exists()


def test_a_file_of_a_web_server(tmp_path: Path):
    pytest.importorskip("aiohttp")
    np.savez(tmp_path / "data.npz", x=np.arange(8.0).reshape(4, 2), y=np.array([0, 1, 0, 1]))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        dataset = NpzSource(path=f"http://127.0.0.1:{server.server_port}/data.npz").open(CONTEXT)
        server.shutdown()
    assert len(dataset) == 4


def test_nothing_there_is_told_without_secrets(memory):
    with pytest.raises(DataError, match=r"^memory://photos: There is nothing at this address"):
        local_copy("memory://user:secret@photos?key=hidden")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MachineError, match=r"needs the extra remote: pip install 'fittool\[remote\]'"):
        local_copy("s3://bucket/a")


@pytest.mark.parametrize("damage", ["", '{"a', "[]"])
def test_a_damaged_listing_means_another_copy(memory, cache: Path, damage: str):
    put(memory, "/a.bin", b"one")
    copy = local_copy("memory://a.bin")
    copy.write_bytes(b"")
    (copy.parent / ".listing.json").write_text(damage)
    assert local_copy("memory://a.bin").read_bytes() == b"one"


def test_a_copy_that_was_cut_is_made_again(memory):
    put(memory, "/a.bin", b"one")
    copy = local_copy("memory://a.bin")
    copy.write_bytes(b"o")
    assert local_copy("memory://a.bin").read_bytes() == b"one"


def test_a_changed_zip_is_read_again(tmp_path: Path):
    for content in (b"one", b"two"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("x.bin", content)
        fsspec.filesystem("file").clear_instance_cache()
        assert local_copy(f"zip://x.bin::{tmp_path}/a.zip").read_bytes() == content


def test_numbered_files_and_names_with_brackets(tmp_path: Path):
    for number in range(3):
        (tmp_path / f"s-{number:03}.tar").write_bytes(b"x")
    folder = local_copy(f"file://{tmp_path}/s-{{000..001}}.tar").parent
    assert sorted(path.name for path in folder.glob("*.tar")) == ["s-000.tar", "s-001.tar"]
    with pytest.raises(DataError, match="nothing at this address"):
        local_copy(f"file://{tmp_path}/s-{{001..003}}.tar")
    (tmp_path / "q[1]").mkdir()
    (tmp_path / "q[1]" / "x.bin").write_bytes(b"y")
    assert local_copy(f"file://{tmp_path}/q[1]/x.bin").read_bytes() == b"y"


def test_a_cache_that_cannot_be_written_is_not_the_datas_fault(memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(memory, "/a.bin", b"one")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="set XDG_CACHE_HOME to another folder"):
        local_copy("memory://a.bin")


@pytest.mark.parametrize("address", ["memory://photos", "memory://photos/"])
def test_a_folder_at_an_address_is_looked_at_by_init(memory, tmp_path, address):
    for part in ("train", "test"):
        for name, value in (("cat/1.png", 1), ("cat/2.png", 2), ("dog/1.png", 3)):
            put(memory, f"/photos/{part}/{name}", png(value))
    scaffold = from_data(address, tmp_path / "e.yaml")
    assert "train: {folder: {path: memory://photos/train}}" in scaffold.text.replace('"', "")
    assert "validation: {folder: {path: memory://photos/test}}" in scaffold.text.replace('"', "")
    assert scaffold.lines[0].startswith("memory://photos/train/: 3 images")


def test_a_table_of_images_at_an_address_is_looked_at_by_init(memory, tmp_path):
    for number in range(4):
        put(memory, f"/photos/{number}.png", png(number))
    put(memory, "/photos/list.csv", b"file,kind\n" + b"".join(b"%d.png,k%d\n" % (n, n % 2) for n in range(4)))
    text = from_data("memory://photos", tmp_path / "e.yaml").text.replace('"', "")
    assert "csv: {path: memory://photos/list.csv" in text
    assert "root: memory://photos" in text


def test_what_is_no_folder_at_an_address_is_told_by_init(memory, tmp_path):
    put(memory, "/photos/model.bin", b"hello")
    with pytest.raises(DataError, match="Give a folder with one folder of images"):
        from_data("memory://photos/model.bin", tmp_path / "e.yaml")
