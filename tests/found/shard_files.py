"""Shards: names with dots, labels in JSON, and the same weights in both modes."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from faults.cases.inputs import CHECK, TRAIN, encoded, experiment, picture
from faults.cases.runner import Case, here
from found.common import counts, run_of
from safetensors.numpy import load_file

SIZE = "image: {size: [8, 8]}"


def _png(seed: int) -> bytes:
    return encoded(picture(seed=seed))


def _shard(members: Mapping[str, bytes], name: str = "a.tar") -> None:
    with tarfile.open(name, "w") as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _samples(name: Callable[[int], str], label: Callable[[int], bytes], count: int = 6, ending: str = "cls") -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for number in range(count):
        members |= {f"{name(number)}.png": _png(number), f"{name(number)}.{ending}": label(number)}
    return members


def _kind(number: int) -> bytes:
    return (b"brick", b"grass")[number % 2]


def _opened(members: Mapping[str, bytes], more: str = "") -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        _shard(members)
        experiment(folder, f"{{shards: {{path: a.tar{more}}}}}", more=SIZE)
        return CHECK

    return make


PLAIN = _samples(lambda number: f"{number:06}", _kind)


def _dotted() -> Iterator[Case]:
    version = _samples(lambda number: f"v1.0_{number:05}", _kind)
    yield Case("78", "names with dots", _opened(version), check=counts("brick 3, grass 3"))
    yield Case("78", "names with and without dots", _opened(PLAIN | version), check=counts("brick 6, grass 6"))
    folders = {f"set.v2/{name}": content for name, content in PLAIN.items()}
    yield Case("78", "folders with dots", _opened(folders), check=counts("brick 3, grass 3"))
    capitals = {name.replace(".png", ".PNG").replace(".cls", ".CLS"): content for name, content in (PLAIN | version).items()}
    yield Case("78", "endings in capitals", _opened(capitals), check=counts("brick 6, grass 6"))
    masks = PLAIN | {f"{number:06}.mask.png": _png(number) for number in range(6)}
    yield Case("78", "second images of samples are none", _opened(masks), check=counts("brick 3, grass 3"))
    lost = PLAIN | {f"v1.0_{number}.png": _png(number) for number in range(4)}
    yield Case(
        "78",
        "dots and no labels",
        _opened(lost),
        check=counts("brick 3, grass 3", "4 images are left out: v1.0_0.png, v1.0_1.png, v1.0_2.png and 1 more."),
    )
    left = {f"{number:06}.left.png": _png(number) for number in range(6)}
    labels = {name: content for name, content in PLAIN.items() if name.endswith(".cls")}
    yield Case(
        "78",
        "nothing but images with two endings",
        _opened(labels | left),
        4,
        ["hold no images; endings looked for", "6 images are left out: 000000.left.png"],
    )
    yield Case("78", "an ending with a dot", _opened(labels | left, ", image: left.png"), check=counts("brick 3, grass 3"))
    alone = PLAIN | {"000009.cls": b"brick"}
    yield Case(
        "78",
        "a label without an image",
        _opened(alone),
        check=counts("brick 3, grass 3", "1 label without an image is left out: 000009.cls."),
    )
    twice = PLAIN | {"000001.jpg": encoded(picture(), "JPEG")}
    yield Case(
        "78",
        "two images of one sample",
        _opened(twice),
        check=counts("brick 3, grass 3", "1 sample has several images, of which the last is read: 000001."),
    )
    hidden = PLAIN | {f"._{name}": b"macOS" for name in PLAIN}
    yield Case("78", "what macOS adds", _opened(hidden), check=counts("brick 3, grass 3"))


def _json(label: Callable[[int], object], more: str = "json") -> Callable[[Path], Sequence[object]]:
    return _opened(
        _samples(lambda number: f"{number:06}", lambda number: json.dumps(label(number)).encode(), ending="json"),
        f", label: {more}",
    )


def _word(number: int) -> str:
    return _kind(number).decode()


def _labels() -> Iterator[Case]:
    whole = _json(lambda number: {"label": _word(number), "id": number})
    yield Case(
        "80", "a mapping", whole, 4, ["000000.json holds a mapping at json. Set label to an entry of it, such as json.label."]
    )
    entry = _json(lambda number: {"label": _word(number), "id": number}, "json.label")
    yield Case("80", "an entry", entry, check=counts("brick 3, grass 3"))
    deep = _json(lambda number: {"a": {"Class": _word(number)}}, "json.a.Class")
    yield Case("80", "an entry within an entry", deep, check=counts("brick 3, grass 3"))
    yield Case("80", "a text", _json(_word), check=counts("brick 3, grass 3"))
    yield Case("80", "a number", _json(lambda number: {"y": number % 2}, "json.y"), check=counts("0 3, 1 3"))
    yield Case("80", "a truth value", _json(lambda number: {"y": number % 2 == 1}, "json.y"), check=counts("false 3, true 3"))
    missing = _json(lambda number: {"label": _word(number)}, "json.labels")
    yield Case("80", "an entry that is not there", missing, 4, ["000000.json has no entry labels at json. Did you mean label?"])
    yield Case(
        "80",
        "a list",
        _json(lambda number: {"label": ["a", "b"]}, "json.label"),
        4,
        ["holds a list at json.label; a name or a number was expected."],
    )
    yield Case("80", "null", _json(lambda number: {"label": None}, "json.label"), 4, ["holds null at json.label"])
    broken = _opened(_samples(lambda number: f"{number:06}", lambda number: b"{", ending="json"), ", label: json.label")
    yield Case("80", "no JSON", broken, 4, ["The label 000000.json is no JSON"])
    nested = _opened(_samples(lambda number: f"{number:06}", lambda number: b"[" * 100_000, ending="json"), ", label: json")
    yield Case("80", "JSON without end", nested, 4, ["The label 000000.json is no JSON"])
    large = _samples(
        lambda number: f"{number:06}",
        lambda number: json.dumps({"label": _word(number), "box": [0] * 3000}).encode(),
        ending="json",
    )
    yield Case("80", "much beside the label", _opened(large, ", label: json.label"), check=counts("brick 3, grass 3"))


# fit and fit_generator

LEARN = """\
name: both
seed: 3
data:
  train: SOURCE
  image: {size: [8, 8], color_mode: grayscale}
MOREmodel: {layers: [Flatten, {Dense: {units: 3, activation: softmax}}]}
compile: {optimizer: {SGD: {learning_rate: 0.00001}}, loss: sparse_categorical_crossentropy}
train: {mode: MODE, epochs: 3, batch_size: 4, view_metrics: falseTRAIN}
"""


def _write_sources() -> dict[str, str]:
    """The same 33 pictures in every source that knows its samples."""
    pixels = np.random.default_rng(2).integers(0, 256, (33, 8, 8), np.uint8)
    labels = np.arange(33) % 3
    np.savez("d.npz", x=pixels, y=labels)
    np.save("x.npy", pixels)
    np.save("y.npy", labels)
    rows = []
    for number in range(33):
        path = Path("folder", "abc"[number % 3], f"{number:02}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        from PIL import Image

        Image.fromarray(pixels[number]).save(path)
        rows.append(f"{path},{'abc'[number % 3]}")
    Path("d.csv").write_text("\n".join(["file,kind", *rows]) + "\n")
    for shard in range(3):
        members: dict[str, bytes] = {}
        for number in range(shard * 11, shard * 11 + 11):
            members[f"{number:03}.png"] = Path("folder", "abc"[number % 3], f"{number:02}.png").read_bytes()
            members[f"{number:03}.cls"] = b"abc"[number % 3 :][:1]
        _shard(members, f"s-{shard}.tar")
    return {
        "shards": "{shards: {path: s-*.tar, buffer: 7}}",
        "folder": "{folder: {path: folder}}",
        "csv": "{csv: {path: d.csv, image: file, label: kind}}",
        "npz": "{npz: {path: d.npz}}",
        "npy": "{npy: {x: x.npy, y: y.npy}}",
        "synthetic": "{synthetic: {samples: 33, shape: [8, 8, 1], classes: 3}}",
    }


SETTINGS = {
    "plain": ("", ""),
    "a fraction": ("fraction: 0.6", ""),
    "class weights": ("", ", class_weight: balanced"),
    "few steps": ("", ", steps_per_epoch: 3"),
    "a part to validate": ("", ", validation_split: 0.2"),
    "a random part to validate": ("validation: {split: {kind: random}}", ""),
    "oversampled": ("oversample: balanced", ""),
    "as they stand": ("", ", shuffle: false"),
}


def _weights(source: str, mode: str, more: str, train: str) -> dict[str, np.ndarray]:
    text = LEARN.replace("SOURCE", source).replace("MODE", mode).replace("TRAIN", train)
    Path("e.yaml").write_text(text.replace("MORE", "".join(f"  {line}\n" for line in more.splitlines())))
    tensors = load_file(Path(run_of(here(TRAIN))) / "checkpoints" / "last.safetensors")
    return {name: tensor for name, tensor in tensors.items() if name.startswith("weights/")}


def _both_modes(kind: str, setting: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        source, (more, train) = _write_sources()[kind], SETTINGS[setting]
        fit = _weights(source, "fit", more, train)
        for cache in ("none", "ram") if setting == "plain" else ("none",):
            cached = f"{more}\ncache: {cache}" if cache != "none" else more
            generated = _weights(source, "fit_generator", cached, train)
            assert fit.keys() == generated.keys()
            for name, tensor in fit.items():
                np.testing.assert_array_equal(generated[name], tensor, err_msg=name)

    return probe


def _modes() -> Iterator[Case]:
    for setting in SETTINGS:
        yield Case("S10", f"shards in both modes: {setting}", probe=_both_modes("shards", setting))
    for kind in ("folder", "csv", "npz", "npy", "synthetic"):
        for setting in ("plain", "a fraction", "a part to validate"):
            yield Case("S10", f"{kind} in both modes: {setting}", probe=_both_modes(kind, setting))


CASES = [*_dotted(), *_labels(), *_modes()]
