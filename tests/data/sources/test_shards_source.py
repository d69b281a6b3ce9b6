"""Images in tar files: what is in them, and the order in which they are read."""

from __future__ import annotations

import io
import tarfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.dataset import Subset
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.order import ShardOrder, shard_order_of
from fittool.data.sources import ShardsSource, SourceContext
from fittool.errors import DataError

CONTEXT = SourceContext(class_mode="sparse")


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (value, value, value)).save(buffer, "PNG")
    return buffer.getvalue()


def write_shard(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Five shards of ten pictures; the brightness of each is its number."""
    for shard in range(5):
        members: dict[str, bytes] = {}
        for number in range(shard * 10, shard * 10 + 10):
            members |= {f"{number:06}.png": png(number), f"{number:06}.cls": str(number % 3).encode(), f"{number:06}.json": b"{}"}
        write_shard(tmp_path / f"train-{shard:03}.tar", members)
    return tmp_path


def brightness(dataset, indices) -> list[int]:
    return dataset.load(np.asarray(indices))[0][0][:, 0, 0, 0].tolist()


@pytest.mark.parametrize("pattern", ["train-*.tar", "train-{000..004}.tar", "train-00?.tar"])
def test_samples_stand_shard_by_shard(shards: Path, pattern: str):
    dataset = ShardsSource(path=str(shards / pattern)).open(CONTEXT)
    assert len(dataset) == 50
    assert brightness(dataset, [0, 17, 49]) == [0, 17, 49]
    assert dataset.labels().tolist() == [number % 3 for number in range(50)]
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.describe(17) == f"{shards / 'train-001.tar'}: 000017"


def test_labels_may_be_names(tmp_path: Path):
    write_shard(tmp_path / "a.tar", {"x.jpg": png(1), "x.txt": b"owl\n", "y.jpg": png(2), "y.txt": b"cat"})
    dataset = ShardsSource(path=str(tmp_path / "a.tar"), label="txt").open(CONTEXT)
    assert dataset.class_names == ("cat", "owl")
    assert dataset.labels().tolist() == [1, 0]


def test_a_pass_has_each_sample_once_and_the_next_one_another_order(shards: Path):
    loader = DatasetLoader(ShardsSource(path=str(shards / "*.tar"), buffer=8).open(CONTEXT), 7, seed=3)
    batches = [batch.inputs[0][:, 0, 0, 0].tolist() for batch in islice(loader.batches(0), 16)]
    first, second = sum(batches[:8], []), sum(batches[8:], [])  # noqa: RUF017
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    started_late = next(iter(loader.batches(5))).inputs[0][:, 0, 0, 0].tolist()
    assert started_late == batches[5]


def test_shards_are_read_nearly_in_sequence(shards: Path):
    dataset = ShardsSource(path=str(shards / "*.tar"), buffer=8).open(CONTEXT)
    order = dataset.stream.samples(3, 0, np.arange(50))
    spread = [len(set(order[start : start + 8] // 10)) for start in range(0, 48, 8)]
    assert max(spread) <= 2
    assert order.tolist() != sorted(order)


def test_a_part_of_the_samples_is_streamed_too(shards: Path):
    dataset = ShardsSource(path=str(shards / "*.tar"), buffer=8).open(CONTEXT)
    part = Subset(dataset, np.arange(0, 50, 3))
    stream = shard_order_of(part)
    assert stream is not None
    assert stream.sizes.tolist() == [4, 3, 3, 4, 3]
    assert sorted(stream.samples(1, 0, np.arange(17)).tolist()) == list(range(17))


@pytest.mark.parametrize(("sizes", "buffer"), [([5, 0, 7], 4), ([1], 1), ([100, 3, 250], 64), ([3, 3], 1000)])
def test_any_position_of_a_stream_can_be_asked_for(sizes: list[int], buffer: int):
    stream = ShardOrder(np.array(sizes), buffer)
    whole = stream.samples(9, 2, np.arange(sum(sizes)))
    assert sorted(whole.tolist()) == list(range(sum(sizes)))
    for position in range(sum(sizes)):
        assert stream.samples(9, 2, np.array([position]))[0] == whole[position]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.png": png(1)}, r"a\.png has no label: there is no a\.cls"),
        ({"a.cls": b"1"}, "hold no images; endings looked for: jpg"),
        ({"a.png": png(1), "a.cls": b"\xff\xfe"}, r"The label a\.cls is no text"),
        ({"a.png": png(1), "a.cls": b"x" * 5000}, "has 5,000 bytes; a number or a name"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, members: dict[str, bytes], message: str):
    write_shard(tmp_path / "a.tar", members)
    with pytest.raises(DataError, match=message):
        ShardsSource(path=str(tmp_path / "a.tar")).open(CONTEXT)


def test_a_compressed_shard_is_refused_with_the_mend(tmp_path: Path):
    write_shard(tmp_path / "a.tar", {"a.png": png(1), "a.cls": b"0"}, "w:gz")
    with pytest.raises(DataError, match=r"is compressed, .* Write it as a plain tar file"):
        ShardsSource(path=str(tmp_path / "a.tar")).open(CONTEXT)


def test_a_shard_that_is_cut_short_is_refused(shards: Path):
    path = shards / "train-002.tar"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"train-002\.tar: "):
        ShardsSource(path=str(shards / "*.tar")).open(CONTEXT)


def test_a_damaged_picture_is_named_with_its_shard(tmp_path: Path):
    write_shard(tmp_path / "a.tar", {"a.png": png(1), "a.cls": b"0", "b.png": b"no picture", "b.cls": b"1"})
    dataset = ShardsSource(path=str(tmp_path / "a.tar")).open(CONTEXT)
    with pytest.raises(DataError, match=r"a\.tar: b: This is no image"):
        dataset.load(np.array([1]))
    skipping = SourceContext(class_mode="sparse", on_bad_file="skip")
    assert len(ShardsSource(path=str(tmp_path / "a.tar")).open(skipping)) == 1


def test_missing_shards_are_named(shards: Path):
    with pytest.raises(DataError, match=r"train-005\.tar: There is no such file"):
        ShardsSource(path=str(shards / "train-{003..005}.tar")).open(CONTEXT)
    with pytest.raises(DataError, match="No file fits this pattern"):
        ShardsSource(path=str(shards / "test-*.tar")).open(CONTEXT)


def test_nothing_is_unpacked(tmp_path: Path):
    write_shard(tmp_path / "a.tar", {"../../evil.png": png(1), "../../evil.cls": b"0", "b.png": png(2), "b.cls": b"1"})
    dataset = ShardsSource(path=str(tmp_path / "a.tar")).open(CONTEXT)
    dataset.load(np.arange(2))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def damaged_header(content: bytes, header: int) -> bytes:
    return content[: header + 3] + bytes([content[header + 3] ^ 1]) + content[header + 4 :]


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (damaged_header, "is damaged: at byte 15,360"),
        (lambda content, header: content[:header], "is cut short: at byte 15,360"),
        (lambda content, header: content[: header + 100], "is cut short: at byte 15,360"),
    ],
    ids=["damaged", "cut between files", "cut in a header"],
)
def test_a_shard_that_ends_too_early_is_refused(shards: Path, damage, text: str):
    path, header = shards / "train-002.tar", 15 * 1024
    path.write_bytes(damage(path.read_bytes(), header))
    with pytest.raises(DataError, match=text):
        ShardsSource(path=str(path)).open(CONTEXT)


def test_numbers_in_labels_are_targets_of_a_regression(tmp_path: Path):
    write_shard(tmp_path / "a.tar", {"x.png": png(1), "x.cls": b"10.50", "y.png": png(2), "y.cls": b"-3"})
    dataset = ShardsSource(path=str(tmp_path / "a.tar")).open(SourceContext())
    assert dataset.class_names is None
    assert dataset.load(np.arange(2))[1][0].tolist() == [10.5, -3]


def test_braces_that_count_down_are_refused(shards: Path):
    with pytest.raises(DataError, match=r"counts down. Write \{000..004\}"):
        ShardsSource(path=str(shards / "train-{004..000}.tar")).open(CONTEXT)


def test_the_ending_of_labels_may_have_a_dot(shards: Path):
    assert len(ShardsSource(path=str(shards / "train-000.tar"), label=".cls").open(CONTEXT)) == 10


def test_the_fingerprint_looks_into_the_images(tmp_path: Path):
    prints = set()
    for value in (1, 2):
        write_shard(tmp_path / "a.tar", {"x.ppm": b"P5 1 1 255 " + bytes([value]), "x.cls": b"0"})
        prints.add(ShardsSource(path=str(tmp_path / "a.tar")).open(CONTEXT).fingerprint())
    assert len(prints) == 2
