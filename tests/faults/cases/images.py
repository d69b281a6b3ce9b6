"""G: image files and folders of them."""

from __future__ import annotations

import os
import socket
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from data.images import mutated_images
from faults.cases.inputs import CHECK, TRAIN, encoded, experiment, picture, pictures, with_picture
from faults.cases.runner import Case, Done
from faults.rights import ORDINARY
from PIL import Image

from fittool.data.images.decoding import ImageForm, read_image
from fittool.data.sources import FolderSource, SourceContext

NO_IMAGE = "pictures/cat/bad.png: This is no image in a format that is read"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, *before: bytes) -> bytes:
    """A PNG file whose header promises so many pixels; `before` are chunks in front of its pixels."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + _chunk(b"IDAT", zlib.compress(b"\0" * 100)) + _chunk(b"IEND", b"")


def _gif_bomb() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + encoded(picture(), "GIF")[13:]


def _tiff_bomb() -> bytes:
    tags = [
        (256, 4, 1, 60000),
        (257, 4, 1, 60000),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 9),
    ]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)


def _webp_bomb() -> bytes:
    size = (16382).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _saved(kind: str, **options: object) -> Callable[[], bytes]:
    return lambda: encoded(picture(), kind, **options)


def _trained(done: Done) -> None:
    assert "5 samples" in done.out + done.err, done.err


def _first() -> list[Case]:
    contents: dict[str, tuple[Callable[[], bytes], str]] = {
        "zero bytes": (bytes, "pictures/cat/bad.png: The file is empty."),
        "one byte": (lambda: b"\x89", NO_IMAGE),
        "text": (lambda: b"cat,1\n" * 20, NO_IMAGE),
        "random bytes": (lambda: np.random.default_rng(1).bytes(5000), NO_IMAGE),
    }
    return [Case("G01", name, with_picture(make), 4, [says]) for name, (make, says) in contents.items()]


def _cut(kind: str, percent: int) -> Callable[[], bytes]:
    """A picture of 64 x 64 pixels, cut short."""

    def content() -> bytes:
        whole = encoded(picture((64, 64)), kind)
        return whole[: len(whole) * percent // 100]

    return content


def _truncated() -> Iterator[Case]:
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        for percent in range(5, 100, 5):
            yield Case("G02", f"{kind} cut to {percent} %", with_picture(_cut(kind, percent)), 4, ["pictures/cat/bad.png: "])


def _mutants(folder: Path) -> None:
    """Damaged files in this process; tests/data/images/test_mutated_images.py does many more in one of their own."""
    warnings.simplefilter("error")
    mutated_images.check_many(folder, 100_000, 300)


def _many_chunks() -> bytes:
    text = _chunk(b"tEXt", b"Comment\0" + b"x" * 100)
    whole = encoded(picture())
    return whole[:33] + text * 10_000 + whole[33:]


def _large_text() -> bytes:
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(300_000_000), 1))
    whole = encoded(picture())
    return whole[:33] + text + whole[33:]


def _bombs() -> Iterator[Case]:
    for name, make in {
        "PNG of 60,000 x 60,000": lambda: _png(60000, 60000),
        "PNG of two billion": lambda: _png(2**31 - 1, 2**31 - 1),
        "GIF": _gif_bomb,
        "TIFF": _tiff_bomb,
        "WebP": _webp_bomb,
        "PPM": lambda: b"P6\n60000 60000\n255\n",
        "BMP": lambda: b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0),
        "many pixels for the file's size": lambda: _png(8000, 8000),
    }.items():
        yield Case("G04", name, with_picture(make), 4, ["pictures/cat/bad.png: The image is"])


def _large(folder: Path) -> Sequence[object]:
    pictures(folder)
    tile = np.random.default_rng(0).integers(0, 256, (90, 120), np.uint8)
    Image.fromarray(np.tile(tile, (100, 100))).save(folder / "pictures/cat/large.jpg", quality=30)
    return CHECK


def _refused_kinds() -> Iterator[Case]:
    contents = {
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(marker) (w) file\n",
        "PDF": b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n",
        "PSD": b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 8, 8, 3) + bytes(60),
        "FITS": b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800),
        "ICNS": b"icns\0\0\0\x10ic07\0\0\0\x08",
        "GD": b"\xff\xfe" + bytes(60),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(60),
    }
    for name, content in contents.items():
        yield Case("G07", f"{name} called .png", with_picture(lambda content=content: content), 4, [NO_IMAGE])
    contained = with_picture(_saved("ICO"))
    yield Case("G07", "ICO called .png", contained, 4, [NO_IMAGE])
    yield Case("G07", "TIFF called .png is read as what it is", with_picture(_saved("TIFF")), check=_trained)


def _right_kinds() -> Iterator[Case]:
    for kind in ("JPEG", "GIF", "BMP", "WEBP", "PPM"):
        yield Case("G06", f"{kind} called .png", with_picture(_saved(kind)), check=_trained)


def _same_pixels(folder: Path) -> None:
    for name, kind in (("a.png", "JPEG"), ("a.jpg", "JPEG"), ("b.gif", "PNG"), ("b.png", "PNG")):
        (folder / name).write_bytes(encoded(picture(), kind))
    for one, other in (("a.png", "a.jpg"), ("b.gif", "b.png")):
        np.testing.assert_array_equal(read_image(folder / one, ImageForm()), read_image(folder / other, ImageForm()))


def _mode(mode: str, expected: Sequence[int], pixel: object, **options: object) -> Callable[[Path], None]:
    """A picture of one colour in a mode, and that colour as RGB."""

    def probe(folder: Path) -> None:
        kind = "TIFF" if mode in ("CMYK", "YCbCr", "I", "I;16") else "PNG"
        image = Image.new(mode, (2, 2), pixel)  # type: ignore[arg-type]
        if mode == "P":
            image.putpalette([0, 0, 0, 250, 100, 50])
        (folder / "a").write_bytes(encoded(image, kind, **options))
        found = read_image(folder / "a", ImageForm(color_mode="rgb"))[0, 0]
        np.testing.assert_allclose(found, expected, atol=2)

    return probe


def _modes() -> Iterator[Case]:
    table: list[tuple[str, str, Sequence[int], object, dict[str, object]]] = [
        ("black and white", "1", (255, 255, 255), 1, {}),
        ("grey", "L", (100, 100, 100), 100, {}),
        ("grey with alpha, over white", "LA", (178, 178, 178), (100, 127), {}),
        ("palette", "P", (250, 100, 50), 1, {}),
        ("palette with a transparent colour, over white", "P", (255, 255, 255), 1, {"transparency": 1}),
        ("RGB", "RGB", (1, 2, 3), (1, 2, 3), {}),
        ("RGBA, over white", "RGBA", (255, 127, 127), (255, 0, 0, 128), {}),
        ("CMYK", "CMYK", (255, 0, 255), (0, 255, 0, 0), {}),
        ("YCbCr", "YCbCr", (255, 0, 0), (76, 85, 255), {}),
        ("16 bits", "I;16", (128, 128, 128), 32896, {}),
        ("32 bits with values of 8", "I", (200, 200, 200), 200, {}),
    ]
    for name, mode, expected, pixel, options in table:
        yield Case("G11" if "over white" in name else "G08", name, probe=_mode(mode, expected, pixel, **options))
    numbers = with_picture(lambda: encoded(Image.new("F", (2, 2), 0.5), "TIFF"))
    yield Case(
        "G08",
        "floating-point numbers",
        numbers,
        4,
        ["bad.png: The image is damaged or of a kind that is not read: its pixels are"],
    )
    large = with_picture(lambda: encoded(Image.new("I", (2, 2), 1 << 20), "TIFF"))
    yield Case("G08", "32 bits", large, 4, ["its pixels have 32 bits; set data.image.white_level"])


def _ramp(folder: Path) -> None:
    values = np.array([[0, 32768, 65535, 257]], np.uint16)
    Image.fromarray(values).save(folder / "a.png")
    found = read_image(folder / "a.png", ImageForm(color_mode="grayscale"))[0, :, 0]
    assert found.tolist() == [0, 128, 255, 1]


def _cmyk_jpeg(folder: Path) -> None:
    for adobe in (True, False):
        content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
        at = content.index(b"Adobe") - 4
        length = struct.unpack(">H", content[at + 2 : at + 4])[0]
        content = content if adobe else content[:at] + content[at + 2 + length :]
        (folder / "a.jpg").write_bytes(content)
        found = read_image(folder / "a.jpg", ImageForm())[8, 8]
        expected = Image.open(folder / "a.jpg").convert("RGB").getpixel((8, 8))
        np.testing.assert_allclose(found, expected, atol=3)
        if adobe:
            np.testing.assert_allclose(found, (255, 0, 0), atol=3)


def _orientations(folder: Path) -> None:
    whole = picture((6, 4))
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    for number, turn in back.items():
        exif = Image.Exif()
        exif[0x0112] = number
        turned = whole if turn is None else whole.transpose(Image.Transpose(turn))
        (folder / f"{number}.png").write_bytes(encoded(turned, "PNG", exif=exif))
        np.testing.assert_array_equal(read_image(folder / f"{number}.png", ImageForm()), np.asarray(whole), err_msg=str(number))


BROKEN_EXIF = {
    "nothing in it": b"",
    "a directory far away": b"II*\0\xff\xff\xff\xff",
    "no order of bytes": b"\xff" * 50,
    "a directory that is cut off": b"MM\0*\0\0\0\x08\xff\xff",
}


def _counted(done: Done) -> None:
    assert "5 samples" in done.out
    (told,) = [line for line in done.err.splitlines() if "EXIF" in line]
    assert told.startswith("warning: 1 file has damaged EXIF data")
    assert told.endswith("cat/bad.png")


def _silent(done: Done) -> None:
    assert "5 samples" in done.out
    assert "EXIF" not in done.err


def _frames(kind: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        first, second = Image.new("RGB", (8, 8), (250, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 250))
        (folder / "a").write_bytes(encoded(first, kind, save_all=True, append_images=[second]))
        np.testing.assert_allclose(read_image(folder / "a", ImageForm())[4, 4], (250, 0, 0), atol=12)

    return probe


def _sizes(size: tuple[int, int], wanted: str, mode: str = "RGB") -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        (pictures(folder, size=wanted) / "9.png").write_bytes(encoded(picture(size, mode)))
        return CHECK

    return make


def _links(folder: Path) -> Sequence[object]:
    cats = pictures(folder)
    (cats / "link.png").symlink_to("0.png")
    (cats / "up").symlink_to("..")
    (cats / "dangling.png").symlink_to("nowhere.png")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/out.png").write_bytes(encoded(picture()))
    (folder / "pictures/linked").symlink_to("../elsewhere")
    experiment(folder, "{folder: {path: pictures}}", ("units: 2", "units: 3"), more="image: {size: [8, 8]}")
    return CHECK


def _links_followed(folder: Path) -> Sequence[object]:
    cats = pictures(folder, source="{folder: {path: pictures, follow_links: true}}")
    (cats / "loop").symlink_to("..")
    return ("check", "e.yaml")


def _unreadable(folder: Path) -> Sequence[object]:
    (pictures(folder) / "0.png").chmod(0)
    (folder / "pictures/dog/1.png").chmod(0)
    return CHECK


def _named(name: bytes) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        cats = pictures(folder)
        with open(os.fsencode(cats) + b"/" + name, "wb") as file:
            file.write(b"no picture")
        return CHECK

    return make


def _good_named(name: bytes) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        cats = pictures(folder)
        with open(os.fsencode(cats) + b"/" + name, "wb") as file:
            file.write(encoded(picture()))
        return TRAIN

    return make


def _odd_names() -> Iterator[Case]:
    table = {
        "no UTF-8": (b"caf\xe9.png", "cat/caf\\xe9.png: "),
        "a line break": (b"a\nb.png", "cat/a\\nb.png: "),
        "an escape sequence": (b"\x1b[31mred.png", "cat/\\x1b[31mred.png: "),
        "right to left": ("a\u202egnp.png".encode(), "cat/a\\u202egnp.png: "),
        "255 bytes": (b"x" * 251 + b".png", "x.png: "),
        "a leading hyphen": (b"-rf.png", "cat/-rf.png: "),
        "a quote": (b"a\"b'.png", "cat/a\"b'.png: "),
    }
    for title, (name, says) in table.items():
        row = "G18" if title == "no UTF-8" else "G19"
        yield Case(row, f"{title}, no picture", _named(name), 4, [says])
        yield Case(row, f"{title}, a picture", _good_named(name), check=_plain_logs)


def _plain_logs(done: Done) -> None:
    for path in done.folder.glob("runs/*/*/*"):
        if path.suffix in (".log", ".csv", ".jsonl", ".json", ".txt", ".yaml"):
            assert "\x1b" not in path.read_text(encoding="utf-8"), path


def _special(kind: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        path = pictures(folder) / "special.png"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server, _inside(path.parent):
                server.bind(path.name)
        else:
            path.symlink_to(kind)
        return CHECK

    return make


def _inside(folder: Path):  # type: ignore[no-untyped-def]
    import contextlib

    return contextlib.chdir(folder)


def _specials() -> Iterator[Case]:
    for kind in ("pipe", "socket", "/dev/zero", "/dev/full", "/dev/stdin"):
        yield Case("G20", f"{kind} among pictures is passed over", _special(kind), check=_four)


def _four(done: Done) -> None:
    assert "4 samples" in done.out, done.out


def _six(done: Done) -> None:
    assert "to train: cat 3, dog 2, linked 1" in done.out, done.out


def _pipe_in_table(kind: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        _special(kind)(folder)
        (folder / "data.csv").write_text("file,kind\npictures/cat/special.png,a\npictures/dog/0.png,b\n")
        experiment(folder, "{csv: {path: data.csv, label: kind, image: file}}", more="image: {size: [8, 8]}")
        return CHECK

    return make


def _folders(files: Sequence[str], *, source: str = "{folder: {path: pictures}}") -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        for name in files:
            path = folder / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(encoded(picture(seed=len(name))))
        experiment(folder, source, more="image: {size: [8, 8]}")
        return CHECK

    return make


def _clutter(folder: Path) -> Sequence[object]:
    cats = pictures(folder)
    for name in (".ipynb_checkpoints", ".git", "__MACOSX"):
        (folder / "pictures" / name).mkdir()
        (folder / "pictures" / name / "x.png").write_bytes(b"no picture")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (cats / name).write_bytes(b"no picture")
    return CHECK


def _vanished(folder: Path) -> None:
    cats = pictures(folder)
    dataset = FolderSource(path=str(folder / "pictures")).open(SourceContext(class_mode="sparse", size=(8, 8)))
    (cats / "0.png").rename(cats / "moved.png")
    told = ""
    try:
        dataset.load(np.arange(4))
    except ValueError as error:
        told = str(error)
    assert told.endswith("cat/0.png: The file cannot be read: No such file or directory."), told


def _sorted(folder: Path) -> None:
    cats = pictures(folder)
    for name in ("é.png", "Z.png", "a.png", "10.png", "2.png"):
        (cats / name).write_bytes(encoded(picture()))
    dataset = FolderSource(path=str(folder / "pictures")).open(SourceContext(class_mode="sparse", size=(8, 8)))
    names = [name for name in dataset.names if name.startswith("cat/")]
    assert names == [f"cat/{name}" for name in ("0.png", "1.png", "10.png", "2.png", "Z.png", "a.png", "é.png")]


def _many_classes(folder: Path) -> None:
    for number in range(2000):
        (folder / "pictures" / f"{number:05}").mkdir(parents=True)
        (folder / "pictures" / f"{number:05}" / "a.png").touch()
    dataset = FolderSource(path=str(folder / "pictures")).open(SourceContext(class_mode="sparse", size=(8, 8)))
    assert len(dataset) == len(dataset.class_names or ()) == 2000


def _leaking(folder: Path) -> Sequence[object]:
    source = "{folder: {path: pictures}}\n  validation: {folder: {path: pictures}}"
    pictures(folder, source=source)
    return CHECK


def _leak_told(done: Done) -> None:
    assert "4 samples leak from training into validation" in "".join(done.warnings), done.err


def _looks_alike(done: Done) -> None:
    assert any("look alike" in line for line in done.warnings), done.err


CASES = [
    *_first(),
    *_truncated(),
    Case("G03", "300 damaged files of ten formats", probe=_mutants),
    *_bombs(),
    Case("G05", "12,000 x 9,000 grey JPEG", _large, check=_trained, long=True),
    *_right_kinds(),
    Case("G06", "content decides, pixel for pixel", probe=_same_pixels),
    *_refused_kinds(),
    *_modes(),
    Case("G09", "grey ramp of 16 bits", probe=_ramp),
    Case("G10", "CMYK JPEG, with and without Adobe's marker", probe=_cmyk_jpeg),
    Case("G12", "orientations 1 to 8", probe=_orientations),
    *(
        Case(
            "G12", f"EXIF with {name}", with_picture(_saved("JPEG", exif=b"Exif\0\0" + exif)), check=_counted if exif else _silent
        )
        for name, exif in BROKEN_EXIF.items()
    ),
    *(Case("G13", f"{kind} of two frames", probe=_frames(kind)) for kind in ("GIF", "WEBP", "PNG", "TIFF")),
    Case("G14", "sizes differ, resized", _sizes((5, 30), "[8, 8]"), check=_trained),
    Case("G14", "1 x 1", _sizes((1, 1), "[8, 8]"), check=_trained),
    Case("G14", "1 x 10,000", _sizes((1, 10000), "[8, 8]"), check=_trained),
    Case("G14", "grey among colours", _sizes((8, 8), "[8, 8]", "L"), check=_trained),
    Case(
        "G14",
        "sizes differ, none wanted",
        _sizes((5, 30), "null"),
        4,
        ["9.png: The image has 30 x 5 pixels", "cat/0.png has 8 x 8"],
    ),
    Case("G15", "colour profile", with_picture(_saved("PNG", icc_profile=b"x" * 1000)), check=_trained),
    Case(
        "G15",
        "gamma",
        with_picture(lambda: encoded(picture())[:33] + _chunk(b"gAMA", b"\0\0\1\0") + encoded(picture())[33:]),
        check=_trained,
    ),
    Case("G15", "10,000 chunks of text", with_picture(_many_chunks), check=_trained),
    Case("G15", "text of 300 MB", with_picture(_large_text), 4, ["bad.png: The image is"]),
    Case(
        "G16",
        "links to files, folders, nothing and up",
        _links,
        says=["1 link that leads nowhere is left out: cat/dangling.png", "1 link to a folder that holds it is left out: cat/up"],
        check=_six,
    ),
    Case("G16", "a loop of links that are followed", _links_followed),
    Case(
        "G17",
        "two files that may not be read",
        _unreadable,
        4,
        ["cat/0.png: The file cannot be read: Permission denied.", "dog/1.png: "],
        lines=2,
        child=True,
        prefix=ORDINARY,
        needs=["permissions"],
    ),
    *_odd_names(),
    *_specials(),
    Case("G20", "pipe in a table", _pipe_in_table("pipe"), 4, ["data.csv:2: column file: there is no file"]),
    Case("G20", "device in a table", _pipe_in_table("/dev/zero"), 4, ["data.csv:2: column file: there is no file"]),
    Case(
        "G21", "empty class folder", _folders(["a/1.png", "b/"]), 4, ["pictures/b: The class folder is empty. Put images into it"]
    ),
    Case("G21", "no class folders", _folders(["1.png", "2.png"]), 4, ["The folder holds files, but no class folders. Put"]),
    Case("G21", "one class", _folders(["a/1.png"]), 4, ["There is one class only, 'a', so there is nothing to learn."]),
    Case("G21", "empty folder", _folders(["./"]), 4, ["The folder is empty; a folder with images for each class was expected"]),
    Case("G21", "no folder", _folders([]), 4, ["e.yaml:3:", "pictures: There is no such folder."]),
    Case("G22", "leftovers of other programs", _clutter, check=_four),
    Case("G23", "cat and Cat", _folders(["cat/1.png", "Cat/1.png"]), check=_looks_alike),
    Case("G23", "composed and decomposed", _folders(["\u00e9/1.png", "e\u0301/1.png"]), check=_looks_alike),
    Case("G23", "a blank behind", _folders(["a/1.png", "a /1.png"]), check=_looks_alike),
    Case("G24", "a file vanishes behind the listing", probe=_vanished),
    Case("G25", "2,000 classes", probe=_many_classes),
    Case("G26", "sorted by bytes", probe=_sorted),
    Case("G27", "the same files to validate", _leaking, check=_leak_told),
]
