"""R: names of classes, files, columns and runs, wherever they are shown."""

from __future__ import annotations

import csv
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

from faults.cases.inputs import CHECK, TRAIN, encoded, experiment, picture, pictures, with_table
from faults.cases.runner import Case, Done, here
from runs.files import test_atomic

from fittool.report import live_page
from fittool.runs.files.spreadsheet_text import csv_table

EXTRA = ("package matplotlib", "package jinja2")
MARKUP = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><script>alert(1)//", "&lt;b&gt;", "{{x}}",
    "{% raw %}", "<!--", "]]>", "</title><h1>", "' onmouseover='alert(1)", "javascript:alert(1)", "\u202egnp.", "\x1b[31m", "a\nb", "\ud800",
)  # fmt: skip
FORMULAS = ("=cmd|'C calc'!A0", "+1", "-1", "@x", "\tx", "\rx")
NUMBERS = ("+1", "-1")
"""Of these, what a spreadsheet takes for a number; that computes nothing."""
ODD_CLASSES = (*FORMULAS[:4], "a,b", 'a"b', "a\nb", "\tx", "<b>x", "\x1b[31mred", "$x_1", "\\frac", "-rf", "caf\u00e9", "100")


class _Shape(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(title: str, name: str, stage: str) -> _Shape:
    rows = [{"epoch": 1, "stage": stage, "loss": 1.0, name: 0.5, "seconds": 1.0}]
    return _Shape(live_page.page(title, rows, 3, "running"))


def _shown_as_text(text: str) -> Callable[[Path], None]:
    """As title, as a metric's name and as a stage's name: the elements stay those of the template."""

    def probe(folder: Path) -> None:
        plain = _page("plain", "plain", "plain")
        shown = _page(text, text, text)
        assert shown.elements == plain.elements
        printable = text.encode("utf-8", "replace").decode() if text.isprintable() else None
        assert printable is None or shown.text.count(printable) >= 3, shown.text
        assert "\x1b" not in shown.text

    return probe


def _nothing_from_outside(folder: Path) -> None:
    page = live_page.page("t", [{"epoch": 1, "loss": 1.0, "seconds": 1.0}], 3, "completed")
    shape = _Shape(page)
    assert "<svg" in page  # the curves are drawn in the page itself
    assert all(source.startswith("data:") for source in shape.sources)
    assert "http:" not in page and "https:" not in page and "@import" not in page and "url(" not in page
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in shape.elements}


def _history(folder: Path) -> None:
    rows = [{"epoch": 1, "stage": text, "value": -1.0, text: 5} for text in FORMULAS]
    table = list(csv.reader(io.StringIO(csv_table(rows).decode(), newline="")))
    defused = [text if text in NUMBERS else f"'{text}" for text in FORMULAS]
    assert table[0] == ["epoch", "stage", "value", *defused]
    assert [row[1] for row in table[1:]] == defused
    assert {row[2] for row in table[1:]} == {"-1.0"}


def _history_round_trip(folder: Path) -> None:
    names = ["a,b", 'a"b', "a\nb", "a\r\nb", '"', "", " a "]
    table = list(csv.reader(io.StringIO(csv_table([{"name": name, "x": 1} for name in names]).decode(), newline="")))
    assert [row[0] for row in table[1:]] == names


def _odd_classes(folder: Path) -> None:
    pictures(folder)
    for number, name in enumerate(ODD_CLASSES):
        (folder / "pictures" / name).mkdir()
        (folder / "pictures" / name / f"{name}.png").write_bytes(encoded(picture(seed=number)))
    text = (folder / "e.yaml").read_text().replace("units: 2", f"units: {len(ODD_CLASSES) + 2}")
    (folder / "e.yaml").write_text(text)


def _train_odd(folder: Path) -> Sequence[object]:
    _odd_classes(folder)
    return (*TRAIN, "--run-dir", "run")


def _run_is_plain(done: Done) -> None:
    """No file of the run that people look at holds a control character of a name, and each event of the log is a line."""
    for name in ("run.log", "history.csv", "metrics.jsonl", "status.json", "experiment.yaml", "environment.json"):
        text = (done.folder / "run" / name).read_text(encoding="utf-8")
        assert "\x1b" not in text, name
    assert all(line[:4].isdigit() for line in (done.folder / "run" / "run.log").read_text().splitlines())


def _predict_odd(folder: Path) -> Sequence[object]:
    _odd_classes(folder)
    done = here([*TRAIN, "--run-dir", "run", "--quiet"])
    assert done.code == 0, done.err
    return ("predict", "run", "pictures")


def _table_is_safe(done: Done) -> None:
    rows = list(csv.reader(io.StringIO(done.out, newline="")))
    for cell in [cell for row in rows for cell in row]:
        number = cell.lstrip("+-").replace(".", "").replace("e-", "").isdigit()
        assert not cell.startswith(("=", "@", "\t", "\r")) and (number or not cell.startswith(("+", "-"))), cell
    names = {name.removeprefix("'") for name in rows[0][3:]}
    assert names == {"cat", "dog", *ODD_CLASSES}, rows[0]


def _run_names() -> Iterator[Case]:
    bad = {
        "../../etc/cron.d/x": '"../../etc/cron.d/x"', "/abs": "/abs", "~": '"~"', ".": '"."', "..": '".."', "-rf": '"-rf"', "empty": '""',
        "a line break": '"a\\nb"', "300 letters": "x" * 300, "a blank": '"a b"', "an escape sequence": '"\\e[31m"', "a slash": "a/b",
        "a backslash": '"a\\\\b"', "umlauts": "\u00e4", "a colon": '"a:b"', "a list": "[a]",
    }  # fmt: skip
    for name, written in bad.items():
        yield Case("R07", name, _named(written), 3, ["e.yaml:1:7: name "])
    for name in ("CON", "a", "9", "a.b-c_d", "x" * 100, "nul.txt"):
        yield Case("R07", f"{name[:9]} is fine", _named(f'"{name}"'), check=_one_run)
    yield Case("R07", "as an option", _named("a", "--set", "name=../x"), 2, ["name "])


def _named(written: str, *options: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        experiment(folder, "{synthetic: {samples: 8, shape: [3], classes: 2}}", ("name: small", f"name: {written}"))
        return (*TRAIN, *options)

    return make


def _one_run(done: Done) -> None:
    runs = [path.parent for path in done.folder.glob("runs/*/*/status.json") if not path.parent.is_symlink()]
    assert len(runs) == 1
    assert (runs[0].parent / "latest").resolve() == runs[0].resolve()


def _class_folders() -> Iterator[Case]:
    for name in ("..", ".", "../secret", "/etc", "cat/../dog", ".git"):
        says = [f"There is no folder for the class '{name}'."]
        yield Case("R08", f"class {name}", _with_classes(name), 4, says)


def _with_classes(name: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        pictures(folder, source=f'{{folder: {{path: pictures, classes: [cat, "{name}"]}}}}')
        (folder / "secret").mkdir()
        (folder / "pictures" / ".git").mkdir()
        (folder / "secret" / "a.png").write_bytes(encoded(picture()))
        return CHECK

    return make


def _planted_link(folder: Path) -> Sequence[object]:
    """Somebody made the place of the run a link to a folder of theirs."""
    pictures(folder)
    (folder / "theirs").mkdir()
    (folder / "theirs/precious").write_text("precious")
    (folder / "run").symlink_to("theirs")
    return (*TRAIN, "--run-dir", "run")


def _escapes() -> Iterator[Case]:
    for name, letter in {
        "escape": "\x1b[31m",
        "carriage return": "\r",
        "bell": "\a",
        "C1": "\x9b31m",
        "right to left": "\u202e",
    }.items():
        if letter != "\r":
            columns = with_table(f"he{letter}ight,kind\n1,a\n", "{csv: {path: data.csv, label: nothing}}")
            yield Case("R10", f"{name} in a column", columns, 4, ["There is no column nothing."])
            cells = with_table(f"height,kind\n1,a\n2{letter},b\n")
            yield Case("R10", f"{name} in a cell", cells, 4, ["data.csv:3: column height: "])
            label = with_table(f"height,kind\n1,a{letter}\n2,b\n3,c\n")
            yield Case("R10", f"{name} in a class", label, 3, ["Give the last layer 3 units."])
        yield Case(
            "R10",
            f"{name} in an argument",
            lambda folder, letter=letter: ("check", f"a{letter}b.yaml"),
            2,
            ["There is no file a"],
        )
        yield Case("R10", f"{name} in an override", _override(letter), 2, ["--set"])


def _override(letter: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        experiment(folder, "{synthetic: {samples: 8, shape: [3], classes: 2}}")
        return ("check", "e.yaml", "--set", f"train.{letter}=1")

    return make


def _secret(folder: Path) -> Sequence[object]:
    pictures(folder)
    return (*TRAIN, "--run-dir", "run")


def _keeps_secrets(done: Done) -> None:
    for path in done.folder.glob("run/**/*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"planted-token" not in content, path
            assert path.name == "experiment.yaml" or os.fsencode(done.folder) not in content, path


def _shard(members: Sequence[tuple[str, bytes, bytes, str]]) -> Callable[[Path], Sequence[object]]:
    """Members are name, content, kind and target; good ones stand beside them."""

    def make(folder: Path) -> Sequence[object]:
        good = [
            (f"{n}.{end}", content, tarfile.REGTYPE, "")
            for n in range(2)
            for end, content in (("png", encoded(picture())), ("cls", b"%d" % n))
        ]
        with tarfile.open(folder / "a.tar", "w") as archive:
            for name, content, kind, target in [*good, *members]:
                info = tarfile.TarInfo(name)
                info.size, info.type, info.linkname = len(content), kind, target
                archive.addfile(info, io.BytesIO(content))
        experiment(folder, "{shards: {path: a.tar}}", more="image: {size: [8, 8]}")
        return CHECK

    return make


def _shards() -> Iterator[Case]:
    image = encoded(picture())
    outside = [("../marker.png", image, tarfile.REGTYPE, ""), ("../marker.cls", b"1", tarfile.REGTYPE, "")]
    yield Case("R13", "a member that leaves the folder", _shard(outside))
    absolute = [("/tmp/marker.png", image, tarfile.REGTYPE, ""), ("/tmp/marker.cls", b"1", tarfile.REGTYPE, "")]
    yield Case("R13", "an absolute member", _shard(absolute))
    for kind, name in (
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.CHRTYPE, "device"),
    ):
        yield Case("R13", f"a {name}", _shard([("2.png", b"", kind, "/etc/passwd"), ("2.cls", b"1", tarfile.REGTYPE, "")]))
    control = [("\x1b[31m.png", b"x", tarfile.REGTYPE, ""), ("\x1b[31m.cls", b"1", tarfile.REGTYPE, "")]
    yield Case("R13", "a name with an escape sequence", _shard(control), 4, ["a.tar: \\x1b[31m: This is no image"])
    yield Case(
        "R13",
        "a label of 10 MB",
        _shard([("2.png", image, tarfile.REGTYPE, ""), ("2.cls", b"1" * 10_000_000, tarfile.REGTYPE, "")]),
        4,
        ["a.tar: The label 2.cls has 10,000,000 bytes"],
    )


def _hijack(experiment_more: str = "") -> Callable[[Path], Sequence[object]]:
    """Modules of the names of all that fittool imports, which make a marker."""

    def make(folder: Path) -> Sequence[object]:
        pictures(folder)
        (folder / "my_data.py").write_text("import numpy as np\ndef batches():\n    yield np.ones((8, 3), 'f4'), np.ones(8)\n")
        for name in (
            "numpy",
            "yaml",
            "click",
            "PIL",
            "pydantic",
            "safetensors",
            "json",
            "random",
            "sitecustomize",
            "usercustomize",
            "fittool",
        ):
            (folder / f"{name}.py").write_text("import pathlib\npathlib.Path(__file__).with_name('marker').touch()\n")
        if experiment_more:
            text = "{python: {function: 'my_data:batches', samples: 8}}"
            experiment(
                folder,
                text,
                ("units: 2, activation: softmax", "units: 1"),
                ("sparse_categorical_crossentropy", "mse"),
                ("epochs: 1", experiment_more),
            )
        return (*TRAIN, "--run-dir", "run", "--quiet")

    return make


CASES = [
    *(Case("R01" if "<" in text or "&" in text or "{" in text else "R02", ascii(text), probe=_shown_as_text(text), needs=EXTRA) for text in MARKUP),
    Case("R03", "a page without anything from outside", probe=_nothing_from_outside, needs=EXTRA),
    *(Case("R04", text, probe=_shown_as_text(text), needs=EXTRA) for text in ("$x_1", "\\frac", "$$", "$\\frac{", "_x", "^", "%")),
    Case("R05", "formulas in history.csv", probe=_history),
    Case("R05", "formulas as classes in predictions", _predict_odd, check=_table_is_safe),
    Case("R06", "commas, quotes and line breaks", probe=_history_round_trip),
    Case("R11", "odd classes in the files of a run", _train_odd, check=_run_is_plain),
    *_run_names(),
    *_class_folders(),
    Case("R09", "the run's place is a link to a folder that is not empty", _planted_link, 2, ["--resume"]),
    Case("R09", "a link where a file is to be written", probe=test_atomic.test_a_symbolic_link_is_refused_and_its_target_untouched),
    *_escapes(),
    Case("R12", "secrets of the environment", _secret, child=True, environment={"SECRET": "planted-token"}, check=_keeps_secrets),
    *_shards(),
    Case("R14", "modules in the working directory", _hijack(), child=True, interpreter=("-P",)),
    Case("R14", "modules beside the experiment, with a thread", _hijack("mode: fit_generator, epochs: 1"), child=True, interpreter=("-P",)),
    Case(
        "R14", "modules beside the experiment, with a process",
        _hijack("mode: fit_generator, use_multiprocessing: true, epochs: 1"), child=True, interpreter=("-P",),
    ),
]  # fmt: skip
