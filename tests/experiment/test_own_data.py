"""A run's own data are measured while they are those that it was trained with, whatever holds them; else that is told."""

from __future__ import annotations

import io
import json
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import FROM_GENERATOR, GENERATOR, Fittool, Write
from PIL import Image

Arrays = tuple[np.ndarray, np.ndarray]
LAYERS = """\
    - Flatten
    - Dense: {units: 3, activation: softmax}
"""
LONGER = """\
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - Flatten
    - Dropout: {rate: 0.25}
    - Dense: {units: 3, activation: softmax}
"""
QUICK = ((LONGER, LAYERS), ("epochs: 2", "epochs: 1"))


def as_npz(x: np.ndarray, y: np.ndarray) -> str:
    np.savez("small.npz", x=x, y=y)
    return "npz: {path: small.npz}"


def as_npy(x: np.ndarray, y: np.ndarray) -> str:
    np.save("x.npy", x)
    np.save("y.npy", y)
    return "npy: {x: x.npy, y: y.npy}"


def as_idx(x: np.ndarray, y: np.ndarray) -> str:
    Path("images").write_bytes(struct.pack(">IIII", 0x803, len(x), 6, 6) + x.tobytes())
    Path("labels").write_bytes(struct.pack(">II", 0x801, len(y)) + y.astype(np.uint8).tobytes())
    return "idx: {images: images, labels: labels}"


def as_csv(x: np.ndarray, y: np.ndarray) -> str:
    rows = [",".join(map(str, (*values, f"k{label}"))) for values, label in zip(x.reshape(len(x), -1), y, strict=True)]
    Path("t.csv").write_text("\n".join([",".join([*(f"c{i}" for i in range(36)), "kind"]), *rows]) + "\n")
    return "csv: {path: t.csv, label: kind}"


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "png")
    return buffer.getvalue()


def as_folder(x: np.ndarray, y: np.ndarray) -> str:
    shutil.rmtree("pictures", ignore_errors=True)
    for number, (image, label) in enumerate(zip(x, y, strict=True)):
        Path(f"pictures/k{label}").mkdir(parents=True, exist_ok=True)
        Path(f"pictures/k{label}/{number:02}.png").write_bytes(png(image))
    return "folder: {path: pictures}"


def as_image_table(x: np.ndarray, y: np.ndarray) -> str:
    Path("files").mkdir(exist_ok=True)
    lines = ["file,kind"]
    for image, label in zip(x, y, strict=True):
        name = f"{zlib.crc32(image.tobytes()):08x}.png"
        Path("files", name).write_bytes(png(image))
        lines.append(f"{name},k{label}")
    Path("files/list.csv").write_text("\n".join(lines) + "\n")
    return "csv: {path: files/list.csv, image: file, label: kind}"


def as_shards(x: np.ndarray, y: np.ndarray) -> str:
    with tarfile.open("a.tar", "w") as tar:
        for number, (image, label) in enumerate(zip(x, y, strict=True)):
            for ending, content in (("png", png(image)), ("cls", str(label).encode())):
                entry = tarfile.TarInfo(f"{number:03}.{ending}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return "shards: {path: a.tar}"


def as_synthetic(x: np.ndarray, y: np.ndarray) -> str:
    return "synthetic: {samples: 48, shape: [6, 6, 1], classes: 3}"


FILES: dict[str, Callable[[np.ndarray, np.ndarray], str]] = {
    "npz": as_npz, "npy": as_npy, "idx": as_idx, "csv": as_csv, "folder": as_folder, "image table": as_image_table,
    "shards": as_shards,
}  # fmt: skip
SOURCES = {**FILES, "synthetic": as_synthetic}
HELD = {
    "fit": (), "fit_generator": ("--set", "train.mode=fit_generator"),
    "cache: ram": ("--set", "train.mode=fit_generator", "--set", "data.cache=ram", "--set", "train.workers=2"),
    "cache: disk": ("--set", "train.mode=fit_generator", "--set", "data.cache=disk"),
}  # fmt: skip


def images(seed: int = 0) -> Arrays:
    return np.random.default_rng(seed).integers(0, 256, (48, 6, 6, 1), dtype=np.uint8), np.arange(48) % 3


def resorted(x: np.ndarray, y: np.ndarray) -> Arrays:
    return x[::-1], y[::-1]


def cut(x: np.ndarray, y: np.ndarray) -> Arrays:
    return x[:42], y[:42]


def with_more(x: np.ndarray, y: np.ndarray) -> Arrays:
    return np.concatenate([x, 255 - x[:9]]), np.concatenate([y, y[:9]])


def with_one_other(x: np.ndarray, y: np.ndarray) -> Arrays:
    return np.concatenate([x[:-1], 255 - x[-1:]]), y


def with_other_labels(x: np.ndarray, y: np.ndarray) -> Arrays:
    return x, np.concatenate([y[:-2], y[-2:][::-1]])


CHANGED = {change.__name__: change for change in (resorted, cut, with_more, with_one_other, with_other_labels)}


@pytest.fixture
def experiment(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Write the data for a source, and an experiment on them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def experiment(source: str) -> Path:
        write()
        grey = "\n  image: {color_mode: grayscale}\nmodel:" if source in ("folder", "image table", "shards") else "\nmodel:"
        return write(*QUICK, ("npz: {path: small.npz}", SOURCES[source](*images())), ("\nmodel:", grey))

    return experiment


def trained(fittool: Fittool, *arguments: object) -> Path:
    done = fittool("train", *arguments)
    assert done.code == 0, done.err
    return done.run.path


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("source", SOURCES)
def test_unchanged_data_are_measured(fittool: Fittool, experiment: Callable[[str], Path], source: str, held: str) -> None:
    run = trained(fittool, experiment(source), *HELD[held])
    best = read_rows(run)[-1]
    done = fittool("evaluate", run)
    assert (done.code, "are not those" in done.err) == (0, False), done.err
    assert float(done.out.split()[1]) == pytest.approx(best["val_loss"], rel=1e-4)
    assert fittool("predict", run, "--on", "train").code == 0


def read_rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("source", FILES)
@pytest.mark.parametrize("change", CHANGED)
def test_changed_data_are_refused(fittool: Fittool, experiment: Callable[[str], Path], source: str, change: str) -> None:
    run = trained(fittool, experiment(source))
    FILES[source](*CHANGED[change](*images()))
    done = fittool("evaluate", run)
    assert done.code == 4, done.err
    assert "The validation data are not those that the run began with: " in done.err
    assert all(mend in done.err for mend in ("Put the old ones back", "--data DATA", "--accept-changes"))
    predicted = fittool("predict", run, "--on", "validation")
    assert (predicted.code, predicted.out) == (4, "")


def test_the_amounts_and_both_parts_are_told(fittool: Fittool, experiment: Callable[[str], Path]) -> None:
    run = trained(fittool, experiment("csv"))
    as_csv(*cut(*images()))
    told = fittool("evaluate", run, "--on", "train").err
    assert "The train data are not those that the run began with: 36 samples → 31, fingerprint " in told
    assert "The validation data are not those that the run began with: 12 samples → 11, fingerprint " in told


@pytest.mark.parametrize("command", [("evaluate",), ("predict", "--on", "validation")])
def test_changes_that_are_accepted_are_warned_of(
    fittool: Fittool, experiment: Callable[[str], Path], command: tuple[str, ...]
) -> None:
    run = trained(fittool, experiment("npz"))
    as_npz(*resorted(*images()))
    done = fittool(command[0], run, *command[1:], "--accept-changes")
    assert (done.code, "warning: " in done.err) == (0, True)
    assert "The validation data are not those that the run began with" in done.err


def test_one_part_may_change_without_the_other(fittool: Fittool, write: Write) -> None:
    """Of two files, and of one that says in a column what each row is for."""
    write()
    divided = "  validation: {split: {kind: column, column: part}}\nmodel:"
    table = "csv: {path: t.csv, label: kind}"
    path = write(*QUICK, ("npz: {path: small.npz}", table), ("\nmodel:", f"\n{divided}"), ("  validation_split: 0.25\n", ""))

    def rows(seed: int) -> None:
        x = np.random.default_rng(seed).random((24, 2))
        lines = [f"{i},{i + 1},k{i % 3},{'val' if i % 4 == 0 else 'train'}" for i in range(24)]
        fresh = [f"{a},{b},k{i % 3},train" for i, (a, b) in enumerate(x)]
        Path("t.csv").write_text("\n".join(["a,b,kind,part", *lines, *fresh]) + "\n")

    rows(0)
    run = trained(fittool, path)
    rows(1)
    assert fittool("evaluate", run).code == 0
    done = fittool("evaluate", run, "--on", "train")
    assert (done.code, "The train data are not" in done.err, "The validation data are not" in done.err) == (4, True, False)


def test_data_and_run_may_be_moved(fittool: Fittool, experiment: Callable[[str], Path]) -> None:
    run = trained(fittool, experiment("folder"))
    Path("elsewhere").mkdir()
    shutil.move("pictures", "elsewhere/pictures")
    shutil.copytree(run, "copy")
    assert fittool("evaluate", "copy").code == 4, "there are no data"
    Path("e.yaml").write_text(Path("e.yaml").read_text().replace("path: pictures", "path: elsewhere/pictures"))
    assert fittool("evaluate", "copy", "--experiment", "e.yaml").code == 0


def test_batches_made_by_code_have_no_fingerprint(fittool: Fittool, write: Write) -> None:
    write(text=GENERATOR, name="mine.py")
    run = trained(fittool, write(*FROM_GENERATOR))
    write(("default_rng(1)", "default_rng(2)"), text=GENERATOR, name="mine.py")
    assert fittool("evaluate", run, "--on", "train", "--experiment", "e.yaml").code == 0


def without_fingerprints(environment: dict[str, object]) -> None:
    del environment["sample_fingerprints"]


def of_another_form(environment: dict[str, dict[str, str]]) -> None:
    environment["sample_fingerprints"] = {part: f"0:{text}" for part, text in environment["sample_fingerprints"].items()}


@pytest.mark.parametrize("older", [without_fingerprints, of_another_form])
def test_nothing_is_claimed_of_runs_that_do_not_say_it(fittool: Fittool, small: Path, older: Callable[[object], None]) -> None:
    run = trained(fittool, small)
    environment = json.loads((run / "environment.json").read_text())
    older(environment)
    (run / "environment.json").write_text(json.dumps(environment))
    x, y = read_arrays("small.npz").values()
    np.savez("small.npz", x=x[::-1], y=y[::-1])
    assert fittool("evaluate", run).code == 0


def test_a_run_that_went_on_with_other_data_is_measured_on_these(fittool: Fittool, small: Path) -> None:
    before = read_arrays("small.npz")
    here = (small, "--run-dir", "here", "--resume")
    fittool("train", *here, "--timeout", "0.001s")
    np.savez("small.npz", x=before["x"][::-1], y=before["y"][::-1])
    assert fittool("train", *here, "--accept-changes").code == 0
    assert fittool("evaluate", "here").code == 0
    np.savez("small.npz", **before)
    assert fittool("evaluate", "here").code == 4
