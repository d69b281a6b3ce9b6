"""ImageDataGenerator as people who know Keras use it, and pictures of other proportions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from faults.cases.inputs import CHECK, encoded, experiment, picture
from faults.cases.runner import Case, here
from found.common import init, quiet, run_of, told
from PIL import Image, ImageOps

import fittool as ft
from fittool.data.images.decoding import ImageForm, read_image


def _unasked(folder: Path) -> None:
    """What nobody asked for is None where Keras has None."""
    transform = ft.ImageDataGenerator().get_random_transform((8, 8, 3), seed=1)
    assert transform["channel_shift_intensity"] is None
    assert transform["brightness"] is None
    assert {name: transform[name] for name in ("theta", "tx", "ty", "shear", "zx", "zy")} == {
        "theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1,
    }  # fmt: skip
    image = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(ft.ImageDataGenerator().apply_transform(image, transform), image)
    asked = ft.ImageDataGenerator(channel_shift_range=0.5, brightness_range=(0.5, 2)).get_random_transform((8, 8, 3), seed=1)
    assert isinstance(asked["channel_shift_intensity"], float)
    assert isinstance(asked["brightness"], float)


def _table(**columns: list[object]) -> dict[str, list[object]]:
    for number in range(3):
        Path(f"{number}.png").write_bytes(encoded(picture(seed=number)))
    return {"filename": ["0.png", "1.png", "2.png"], "class": ["a", "b", "a"], **columns}


def _refused(error: type[Exception], message: str, there: bool = True, **arguments: object) -> Callable[[Path], None]:
    """Told at once, whether the files are there or not."""

    def probe(folder: Path) -> None:
        table = _table(weight=["2", "5", "2"], height=[1.0, 2.0, 3.0])
        with pytest.raises(error, match=message):
            ft.ImageDataGenerator().flow_from_dataframe(table, "." if there else "elsewhere", target_size=(8, 8), **arguments)

    return probe


def _nothing_there(folder: Path) -> None:
    """No file at all: a warning, zero images, and batches without any, as in Keras."""
    with pytest.warns(UserWarning, match="3 of 3 image files are not there"):
        flow = ft.ImageDataGenerator().flow_from_dataframe(_table(), "elsewhere", target_size=(8, 6))
    assert (flow.n, flow.samples, len(flow), flow.filenames) == (0, 0, 0, [])
    x, y = next(flow)
    assert x.shape == (0, 8, 6, 3)
    assert len(y) == 0
    model = ft.Model([ft.layers.Flatten(), ft.layers.Dense(1)], input_shape=(8, 6, 3))
    model.compile(loss="mse")
    with pytest.raises(Exception, match=r"no batches|no samples|no images"):
        model.fit_generator(flow, epochs=1, verbose=0)


def _empty_folders(folder: Path) -> None:
    Path("set/a").mkdir(parents=True)
    Path("set/b").mkdir()
    with pytest.warns(UserWarning, match="Found 0 images"):
        flow = ft.ImageDataGenerator().flow_from_directory("set", target_size=(8, 6))
    assert (flow.n, flow.class_indices) == (0, {"a": 0, "b": 1})


def _one_to_one(folder: Path) -> None:
    """A single class is Keras's own affair: no error, one class."""
    Path("set/a").mkdir(parents=True)
    Path("set/a/0.png").write_bytes(encoded(picture()))
    flow = ft.ImageDataGenerator().flow_from_directory("set", target_size=(8, 8))
    assert (flow.n, flow.num_classes) == (1, 1)


# Proportions

WIDE = (Image.fromarray(np.random.default_rng(3).integers(0, 256, (6, 15, 3), np.uint8)), (10, 10))
TALL = (Image.fromarray(np.random.default_rng(4).integers(0, 256, (20, 8, 3), np.uint8)), (4, 6))
SAME = (Image.fromarray(np.random.default_rng(5).integers(0, 256, (8, 12, 3), np.uint8)), (4, 6))


def _fitted(fit: str) -> Callable[[Path], None]:
    """As Pillow's own functions for it, but for the middle, which is cut at whole pixels."""

    def expected(image: Image.Image, size: tuple[int, int]) -> Image.Image:
        shape = size[::-1]
        if fit == "stretch":
            return image.resize(shape, Image.Resampling.BILINEAR)
        if fit == "pad":
            return ImageOps.pad(image, shape, Image.Resampling.BILINEAR)
        rows, columns = min(image.height, image.width * size[0] // size[1]), min(image.width, image.height * size[1] // size[0])
        left, top = (image.width - columns) // 2, (image.height - rows) // 2
        return image.crop((left, top, left + columns, top + rows)).resize(shape, Image.Resampling.BILINEAR)

    def probe(folder: Path) -> None:
        for image, size in (WIDE, TALL, SAME):
            image.save("a.png")
            found = read_image("a.png", ImageForm(size, fit=fit))  # type: ignore[arg-type]
            np.testing.assert_array_equal(found, np.asarray(expected(image, size)))

    return probe


def _keeps_aspect(folder: Path) -> None:
    """What Keras calls keep_aspect_ratio is the same."""
    Path("set/a").mkdir(parents=True)
    WIDE[0].save("set/a/0.png")
    flow = ft.ImageDataGenerator().flow_from_directory(
        "set", target_size=(10, 10), keep_aspect_ratio=True, interpolation="bilinear"
    )
    np.testing.assert_array_equal(next(flow)[0][0], read_image("set/a/0.png", ImageForm((10, 10), fit="crop")))


def _folder(size: tuple[int, int]) -> None:
    for number, name in enumerate(("a", "b")):
        Path("set", name).mkdir(parents=True)
        for which in range(8):
            picture(size, seed=8 * number + which).save(Path("set", name, f"{which}.png"))


def _predicted(folder: Path) -> None:
    """A picture that is predicted comes to the size as those that were learnt from did."""
    _folder((15, 6))
    experiment(folder, "{folder: {path: set}}", more="image: {size: [8, 8], fit: crop}")
    run = run_of(here(("train", "e.yaml")))
    image = Image.open("set/a/0.png")
    image.crop((4, 0, 10, 6)).resize((8, 8), Image.Resampling.BILINEAR).save("cut.png")
    first, second = (here(("predict", run, name)).out.splitlines()[1].split(",")[1:] for name in ("set/a/0.png", "cut.png"))
    assert first == second


def _without_size(folder: Path) -> tuple[str, ...]:
    _folder((8, 8))
    experiment(folder, "{folder: {path: set}}", more="image: {fit: crop}")
    return CHECK


def _with_fit(fit: str) -> Callable[[Path], tuple[str, ...]]:
    def make(folder: Path) -> tuple[str, ...]:
        _folder((15, 6))
        experiment(folder, "{folder: {path: set}}", more=f"image: {{size: [8, 8], fit: {fit}}}")
        return CHECK

    return make


def _begun(size: tuple[int, int]) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        _folder(size)
        return "set"

    return make


def _cases() -> Iterator[Case]:
    yield Case("106", "transforms that nobody asked for", probe=_unasked)
    for there in (True, False):
        where = "files" if there else "no files"
        text = {"weight_col": "weight", "class_mode": "input"}
        yield Case(
            "107", f"weights of text, {where}", probe=_refused(TypeError, "sample weights must hold numbers", there, **text)
        )
        one = {"y_col": "height", "class_mode": "multi_output"}
        yield Case(
            "107",
            f"multi_output of one column, {where}",
            probe=_refused(TypeError, "needs a list of columns as y_col", there, **one),
        )
    yield Case("107", "no file is there", probe=_nothing_there)
    yield Case("107", "folders without an image", probe=_empty_folders)
    yield Case("107", "a single class", probe=_one_to_one)
    for fit in ("stretch", "crop", "pad"):
        yield Case("111", f"pictures of other proportions, {fit}", probe=_fitted(fit))
        yield Case("111", f"an experiment with fit: {fit}", _with_fit(fit), check=quiet)
    yield Case("111", "keep_aspect_ratio", probe=_keeps_aspect)
    yield Case("111", "predict", probe=_predicted)
    yield Case("111", "without a size", _without_size, check=told("data.image.fit has no effect without data.image.size."))
    yield Case("111", "another way", _with_fit("squeeze"), 3, ["data.image.fit"])
    yield Case(
        "111",
        "init of wide pictures",
        probe=init(_begun((150, 60)), [], image={"size": [32, 32], "color_mode": "rgb", "fit": "crop"}),
    )
    yield Case(
        "111", "init of square pictures", probe=init(_begun((100, 100)), [], image={"size": [64, 64], "color_mode": "rgb"})
    )


CASES = [*_cases()]
