"""Pixels: the scale that was learnt from, bits, and which way is up."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from faults.cases.inputs import CHECK, experiment, picture
from faults.cases.runner import Case, Done, here
from found.common import PLAIN, learn, quiet, rows_of, run_of
from PIL import Image

import fittool as ft
from fittool.data.images.decoding import ImageForm, read_image

SAMPLES = 12
PIXELS = (np.random.default_rng(5).random((SAMPLES, 8, 8)) * 155 + np.arange(SAMPLES)[:, None, None] % 2 * 100).astype(np.uint8)
PIXELS[:, 0, 0], PIXELS[:, 0, 1] = 0, 255  # every picture has black and white
LABELS = np.arange(SAMPLES) % 2


def _predicted(run: str, given: str) -> tuple[Done, list[list[float]]]:
    """The probabilities of a prediction, without the names."""
    done = here(("predict", run, given))
    numbers = [[float(value) for value in row.split(",")[1:]] for row in rows_of(done)] if done.code == 0 else []
    return done, numbers


# Forms of the same pictures


def _arrays(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[str], str]:
    def write(name: str) -> str:
        np.savez(f"{name}.npz", x=change(PIXELS), y=LABELS)
        return f"{name}.npz"

    return write


def _files(name: str) -> str:
    for number, (pixels, label) in enumerate(zip(PIXELS, LABELS, strict=True)):
        folder = Path(name) / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return name


def _npy(name: str) -> str:
    np.save(f"{name}.npy", PIXELS)
    return f"{name}.npy"


FORMS: dict[str, Callable[[str], str]] = {
    "uint8": _arrays(lambda x: x),
    "floats to 255": _arrays(lambda x: x.astype(np.float64)),
    "floats to 1": _arrays(lambda x: x / 255.0),
    "floats from -1 to 1": _arrays(lambda x: x / 127.5 - 1),
    "16 bits": _arrays(lambda x: x.astype(np.uint16) * 257),
    "standardised": _arrays(lambda x: (x - x.mean()) / x.std()),
    "digits to 16": _arrays(lambda x: np.rint(x / 255 * 16)),
    "black and white": _arrays(lambda x: x > 127),
    "files": _files,
    "npy": _npy,
}
KNOWN = ("uint8", "floats to 255", "floats to 1", "floats from -1 to 1", "16 bits", "files", "npy")
"""Whose scale is certain."""


def _source(form: str, path: str) -> tuple[str, str]:
    """The source of data to learn from, and more settings."""
    if form == "files":
        return f"{{folder: {{path: {path}}}}}", "image: {size: [8, 8], color_mode: grayscale}"
    if form == "npy":
        np.save("y.npy", LABELS)
        return f"{{npy: {{x: {path}, y: y.npy}}}}", ""
    return f"{{npz: {{path: {path}}}}}", ""


def _same_scale(learnt: str) -> Callable[[Path], None]:
    """Whatever form of a known scale the pictures come in, the network says of them what it says of those that it learnt."""

    def probe(folder: Path) -> None:
        run = run_of(learn(*_source(learnt, FORMS[learnt]("learnt"))))
        _, expected = _predicted(run, "learnt" if learnt == "files" else f"learnt.{'npy' if learnt == 'npy' else 'npz'}")
        order = np.argsort(LABELS, kind="stable")  # of files in class folders
        for given in KNOWN:
            if (learnt, given) == ("floats from -1 to 1", "floats to 1"):
                continue  # bright pictures on the same scale lie there too
            done, found = _predicted(run, FORMS[given](f"given {given}"))
            same = np.array(found)
            if (given == "files") != (learnt == "files"):
                same = same[np.argsort(order)] if given == "files" else same[order]
            np.testing.assert_allclose(same, expected, atol=2e-5, err_msg=f"{given}: {done.err}")

    return probe


def _refused(learnt: str, given: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        run = run_of(learn(*_source(learnt, FORMS[learnt]("learnt"))))
        done = here(("predict", run, FORMS[given]("given")))
        assert done.code == 4, done.out + done.err
        assert "how to bring the ones to the others is not certain. Prepare them" in done.err, done.err

    return probe


def _as_it_is(learnt: str, pixels: np.ndarray, warning: str = "") -> Callable[[Path], None]:
    """Arrays that lie where those lay that were learnt from are taken as they are."""

    def probe(folder: Path) -> None:
        run = run_of(learn(*_source(learnt, FORMS[learnt]("learnt"))))
        np.savez("given.npz", x=pixels, y=LABELS)
        done = here(("predict", run, "given.npz"))
        assert done.code == 0, done.err
        assert (warning in done.err) if warning else not done.err, done.err

    return probe


def _kept(form: str, words: str, **facts: object) -> Callable[[Path], None]:
    """The run says at its start, and keeps, what it learns from."""

    def probe(folder: Path) -> None:
        done = learn(*_source(form, FORMS[form]("learnt")))
        assert words in done.err, done.err
        (kept,) = json.loads((Path(run_of(done)) / "inputs.json").read_text())["inputs"]
        assert {name: kept[name] for name in facts} == facts

    return probe


def _evaluated(learnt: str, given: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        run = run_of(learn(*_source(learnt, FORMS[learnt]("learnt"))))
        own, other = here(("evaluate", run, "--on", "train")), here(("evaluate", run, "--data", FORMS[given]("given")))
        values = [float(done.out.split()[1]) for done in (own, other)]
        np.testing.assert_allclose(values[1], values[0], rtol=1e-4, err_msg=other.err)

    return probe


def _validated(validation: str, code: int, says: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        source, _ = _source("floats to 1", FORMS["floats to 1"]("learnt"))
        other, image = _source(validation, FORMS[validation]("other"))
        done = learn(source, f"validation: {other}\n{image}")
        assert done.code == code, done.err
        assert says in done.err, done.err

    return probe


def _warned(form: str, layers: str, says: str, more: str = "") -> Callable[[Path], None]:
    """What check says of layers that rescale; nothing where nothing is expected."""

    def probe(folder: Path) -> None:
        source, image = _source(form, FORMS[form]("learnt"))
        done = learn(source, image, mode="fit_generator" if more else "fit", layers=layers, command=("check", "e.yaml"))
        if more:
            Path("e.yaml").write_text(Path("e.yaml").read_text() + more)
            done = here(("check", "e.yaml"))
        assert done.code == 0, done.err
        warnings = [line for line in done.err.splitlines() if "multiplies by" in line]
        assert len(warnings) == bool(says), done.err
        assert not says or says in warnings[0], done.err

    return probe


def _scale_cases() -> Iterator[Case]:
    for learnt in KNOWN:
        yield Case("37", f"learnt from {learnt}, predicted in every known scale", probe=_same_scale(learnt))
    for learnt, given in (
        ("standardised", "files"),
        ("standardised", "uint8"),
        ("digits to 16", "files"),
        ("digits to 16", "floats to 1"),
        ("digits to 16", "floats to 255"),
        ("uint8", "black and white"),
        ("files", "black and white"),
        ("files", "standardised"),
        ("floats to 1", "standardised"),
        ("floats to 1", "digits to 16"),
    ):
        yield Case("37", f"learnt from {learnt}, {given} are refused", probe=_refused(learnt, given))
    one = PIXELS / 255.0
    yield Case("37", "the same scale, a little beyond", probe=_as_it_is("floats to 1", one * 1.03))
    yield Case("37", "beyond, but perhaps meant", probe=_as_it_is("floats to 1", one * 1.5, "Are they on the same scale?"))
    yield Case("37", "black pictures", probe=_as_it_is("floats to 255", np.zeros((SAMPLES, 8, 8))))
    yield Case("37", "dark pictures", probe=_as_it_is("floats to 255", np.rint(one * 40)))
    yield Case("37", "bright ones on a scale with negative numbers", probe=_as_it_is("floats from -1 to 1", one, "Are they on"))
    yield Case("37", "evaluate files, learnt from arrays", probe=_evaluated("floats to 1", "files"))
    yield Case("37", "evaluate arrays, learnt from files", probe=_evaluated("files", "floats from -1 to 1"))
    yield Case(
        "37", "validated on files, learnt from arrays", probe=_validated("files", 0, "Pixels from 0 to 255 are brought to 0 to 1")
    )
    yield Case("37", "validated on another scale", probe=_validated("standardised", 4, "is not certain. Prepare them"))
    yield Case(
        "37",
        "range of arrays is kept",
        probe=_kept(
            "floats to 1", "images 8 x 8 (height x width), 1 channel, pixels 0 to 1\n",
            kind="image", size=[8, 8], channels=1, dtype="float32", lowest=0.0, highest=1.0, origin="arrays",
        ),
    )  # fmt: skip
    yield Case(
        "37",
        "range of files is kept",
        probe=_kept(
            "files", "images 8 x 8 (height x width), 1 channel, pixels 0 to 255\n",
            kind="image", size=[8, 8], channels=1, dtype="uint8", lowest=0.0, highest=255.0, origin="files",
        ),
    )  # fmt: skip
    rescaling = PLAIN.replace("[", "[{Rescaling: {scale: 1/255}}, ", 1)
    signed = PLAIN.replace("[", "[{Rescaling: {scale: 1/127.5, offset: -1}}, ", 1)
    behind = PLAIN.replace("[Flatten, ", "[Flatten, {Rescaling: {scale: 1/255}}, ", 1)
    twice = rescaling.replace("[", "[{Rescaling: {scale: 1/255}}, ", 1)
    yield Case("38", "rescaled though in 0 to 1", probe=_warned("floats to 1", rescaling, "1/255, but its inputs lie in 0 to 1"))
    yield Case("38", "with an offset", probe=_warned("floats to 1", signed, "1/127.5, but its inputs lie in 0 to 1"))
    yield Case("38", "standardised", probe=_warned("standardised", rescaling, "Remove it."))
    yield Case("38", "behind Flatten", probe=_warned("floats to 1", behind, "multiplies by 1/255"))
    yield Case("38", "twice", probe=_warned("files", twice, "inputs lie in 0 to 1, so they become 0 to 0.003922"))
    yield Case("38", "digits to 16", probe=_warned("digits to 16", rescaling, "Set the scale to 1/16"))
    yield Case("38", "16 bits", probe=_warned("16 bits", rescaling, "Set the scale to 1/65535"))
    yield Case(
        "38",
        "augmentation.rescale",
        probe=_warned("floats to 1", PLAIN, "augmentation.rescale multiplies", "augmentation: {rescale: 1/255}\n"),
    )
    yield Case("38", "files, which need it", probe=_warned("files", rescaling, ""))
    yield Case("38", "arrays that need it", probe=_warned("floats to 255", signed, ""))


# Bits, and which way is up


def _deep(dtype: str, suffix: str, most: int) -> Image.Image:
    """A picture of many bits whose brightest pixel is `most`."""
    values = np.linspace(0, most, 64).reshape(8, 8).astype(dtype)
    return Image.fromarray(values)


def _eight(path: str, **form: object) -> np.ndarray:
    return read_image(path, ImageForm(color_mode="grayscale", **form))[..., 0]  # type: ignore[arg-type]


def _read_as(
    name: str, image: Callable[[], Image.Image], expected: Callable[[], np.ndarray], **form: object
) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        image().save(name)
        np.testing.assert_array_equal(_eight(name, **form), expected())

    return probe


def _ramp(most: int = 255) -> np.ndarray:
    return np.rint(np.linspace(0, most, 64).astype(np.int64).reshape(8, 8) * (255 / most)).astype(np.uint8)


def _deep_folder(dtype: str, suffix: str, most: int, more: str = "") -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        for name in ("a", "b"):
            (folder / "pictures" / name).mkdir(parents=True)
            for number in range(2):
                _deep(dtype, suffix, most - number).save(folder / "pictures" / name / f"{number}.{suffix}")
        experiment(folder, "{folder: {path: pictures}}", more=f"image: {{size: [8, 8]{more}}}")
        return CHECK

    return make


def _in_python(folder: Path) -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
        _deep("int32", "tif", 255).save(f"{name}/0.tif")
    flow = ft.ImageDataGenerator().flow_from_directory(".", target_size=(8, 8), color_mode="grayscale", shuffle=False)
    np.testing.assert_array_equal(next(flow)[0][0, ..., 0], _ramp())


def _exif(order: str, kind: int, value: int) -> bytes:
    """An EXIF block with the orientation as a number of some type."""
    form = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}[kind]
    entry = struct.pack(f"{order}HHI", 0x0112, kind, 1) + struct.pack(f"{order}{form}", value).ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return b"Exif\0\0" + head + struct.pack(f"{order}H", 1) + entry + struct.pack(f"{order}I", 0)


def _turned(save: Callable[[Path, int], object]) -> Callable[[Path], None]:
    """Each orientation is turned as Pillow turns it, and a picture that lies on its side is not taken as it is."""

    def probe(folder: Path) -> None:
        from PIL import ImageOps

        for orientation in range(1, 9):
            path = folder / f"{orientation}.file"
            save(path, orientation)
            with Image.open(path) as image:
                expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
            found = read_image(path, ImageForm())
            np.testing.assert_array_equal(found, expected, err_msg=str(orientation))
            assert (found.shape[:2] == (5, 9)) == (orientation < 5)

    return probe


def _with_exif(kind: str, order: str, number: int) -> Callable[[Path, int], object]:
    return lambda path, value: picture((9, 5)).save(path, kind, exif=_exif(order, number, value))


def _with_xmp(path: Path, value: int) -> None:
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{value}"/></x:xmpmeta>'
    picture((9, 5)).save(path, "JPEG", xmp=xmp.encode())


def _with_both(path: Path, value: int) -> None:
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    picture((9, 5)).save(path, "JPEG", xmp=xmp.encode(), exif=_exif("<", 3, value))


def _depth_cases() -> Iterator[Case]:
    for suffix in ("tif",):
        yield Case("40", "32 bits, values to 255", probe=_read_as(f"a.{suffix}", lambda: _deep("int32", "tif", 255), _ramp))
    yield Case("40", "16 bits", probe=_read_as("a.png", lambda: _deep("uint16", "png", 65535), lambda: _ramp(65535)))
    yield Case("40", "16 bits of PGM", probe=_read_as("a.pgm", lambda: _deep("uint16", "pgm", 65535), lambda: _ramp(65535)))
    for name, kind in (("16", "uint16"), ("32", "int32")):
        yield Case(
            "40",
            f"12 of {name} bits, with white_level",
            probe=_read_as("a.tif", lambda kind=kind: _deep(kind, "tif", 4095), lambda: _ramp(4095), white_level=4095),  # type: ignore[misc]
        )
    yield Case(
        "40",
        "floating-point numbers, with white_level",
        probe=_read_as(
            "a.tif", lambda: _deep("float32", "tif", 1), lambda: np.rint(np.linspace(0, 255, 64)).reshape(8, 8), white_level=1.0
        ),
    )
    yield Case(
        "40",
        "32 bits, beyond 255",
        _deep_folder("int32", "tif", 4095),
        4,
        ["its pixels have 32 bits; set data.image.white_level"],
        lines=4,
    )
    yield Case(
        "40",
        "floating-point numbers",
        _deep_folder("float32", "tif", 200),
        4,
        ["floating-point numbers; set data.image.white_level"],
        lines=4,
    )
    yield Case(
        "40",
        "8 of 16 bits",
        _deep_folder("uint16", "png", 255),
        4,
        ["hold values up to 255 of 65,535 only, so that 0 and 1 are left in 8 bits", "white_level to 255"],
    )
    yield Case("40", "8 of 16 bits, with white_level", _deep_folder("uint16", "png", 255, ", white_level: 255"), check=quiet)
    yield Case(
        "40", "12 of 16 bits", _deep_folder("uint16", "png", 4095), says=["hold values up to 4,095 of 65,535 only", "white_level"]
    )
    yield Case(
        "40",
        "beyond white_level",
        _deep_folder("uint16", "png", 5000, ", white_level: 4095"),
        4,
        ["it holds the value 5000, but black is 0 and white 4095"],
        lines=4,
    )
    yield Case("40", "in Python", probe=_in_python)
    for order in "<>":
        for number in (3, 4, 6, 8, 9):
            for kind in ("JPEG", "PNG", "WEBP") if number == 4 else ("JPEG",):
                name = f"orientation of type {number}, {'II' if order == '<' else 'MM'}, {kind}"
                yield Case("44", name, probe=_turned(_with_exif(kind, order, number)))
    yield Case("44", "orientation in XMP", probe=_turned(_with_xmp))
    yield Case("44", "EXIF before XMP", probe=_turned(_with_both))


CASES = [*_scale_cases(), *_depth_cases()]
