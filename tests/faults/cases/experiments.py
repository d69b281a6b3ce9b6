"""Y: experiment files. Each text is given to `check` and to `train`, which must say the same and make no run directory."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from config import test_planted_mistakes
from experiment import hostile_files
from faults.cases.inputs import EXPERIMENT, X, Y
from faults.cases.runner import ANY, Case, Done, here
from faults.rights import ORDINARY

GOOD = EXPERIMENT.replace("SOURCE", "{npz: {path: data.npz}}").replace("MORE", "")
COMMANDS = ("check", "train")
GOLDEN = {
    title: [line.removeprefix("> ") for line in lines]
    for title, *lines in (
        part.rstrip("\n").split("\n") for part in Path(__file__).with_name("experiments.txt").read_text("utf-8").split("== ")[1:]
    )
}


def _with(text: str) -> str:
    """The good experiment with a line more at its top, which is line 1."""
    return f"{text}\n{GOOD}"


def _file(content: str | bytes, command: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        np.savez(folder / "data.npz", x=X, y=Y)
        (folder / "e.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
        return (command, "e.yaml")

    return make


_MEMORY = re.compile(r"this machine has [\d.,]+ .iB|the limit of this process \(ulimit -v\) leaves [\d.,]+ .iB")


def _told(done: Done) -> list[str]:
    lines = [line.replace(str(done.folder), "HERE").replace(str(done.folder.parent), "ABOVE") for line in done.problems]
    return [_MEMORY.sub("this machine has less", line) for line in lines]


def _refused(row: str, name: str, content: str | bytes) -> Iterator[Case]:
    """Both commands tell the lines that stand below the case's name in experiments.txt."""
    wanted = GOLDEN[f"{row} {name}"]

    def check(done: Done) -> None:
        assert _told(done) == wanted, _told(done)

    code = 6 if wanted[0].endswith("Make layers smaller.") else 4 if "There is no such file" in wanted[0] else 3
    for command in COMMANDS:
        yield Case(row, f"{name} ({command})", _file(content, command), code, lines=len(wanted), check=check)


def _accepted(row: str, name: str, content: str | bytes, *shown: str) -> Iterator[Case]:
    """It is read as it should be: `show` prints these lines."""

    def make(folder: Path) -> Sequence[object]:
        _file(content, "show")(folder)
        return ("show", "e.yaml")

    def check(done: Done) -> None:
        for line in shown:
            assert line in done.out, done.out

    yield Case(row, name, make, check=check)


def _train(key: str, value: str) -> str:
    return (
        GOOD.replace("epochs: 1", f"epochs: 1, {key}: {value}")
        if key != "epochs"
        else GOOD.replace("epochs: 1", f"epochs: {value}")
    )


def _rate(value: str) -> str:
    return GOOD.replace("compile: {", f"compile: {{optimizer: {{Adam: {{learning_rate: {value}}}}}, ")


def _planted(folder: Path) -> None:
    """Each mistake of tests/config/planted_mistakes.txt, with every line that is told."""
    for mistake in test_planted_mistakes.MISTAKES:
        assert test_planted_mistakes.told(mistake.text) == mistake.told, mistake.title


def _texts() -> Iterator[tuple[str, str, str | bytes]]:
    yield "Y01", "a key twice", _with("seed: 1\nseed: 2")
    yield "Y01", "a key twice in braces", GOOD.replace("epochs: 1", "epochs: 1, epochs: 2")
    yield "Y02", "an unknown key", GOOD.replace("compile:", "compil:")
    yield "Y02", "an unknown argument", _rate("1").replace("learning_rate", "learning_rte")
    yield "Y03", "text for a number", _train("epochs", '"5"')
    yield "Y03", "a word for a number", _rate("fast")
    yield "Y03", "a list for a number", _train("epochs", "[1]")
    yield (
        "Y03",
        "a mapping for a list",
        GOOD.replace("layers: [Flatten, {Dense: {units: 2, activation: softmax}}]", "layers: {a: 1}"),
    )
    yield "Y03", "a number for a mapping", GOOD.replace("train: {epochs", "trainn: {epochs") + "train: 5\n"
    yield (
        "Y03",
        "a list for the whole of model",
        GOOD.replace("model: {layers: [Flatten, {Dense: {units: 2, activation: softmax}}]}", "model: [1]"),
    )
    for word in ("yes", "no", "on", "off", "y", "n"):
        yield "Y05", f"{word} for a boolean", _train("shuffle", word)
    for number in ("010", "0o10", "0x1F", "1_000", "12:30:45"):
        yield "Y06", f"{number} for a number", _train("epochs", number)
    for number in (".nan", "nan", ".inf", "-.inf", "1e999", "9" * 5000, "1e400"):
        yield "Y07", f"{number[:9]} for a rate", _rate(number)
        yield "Y07", f"{number[:9]} for a count", _train("epochs", number)
    for number in ("0", "-1", "1000000000000", "1.5"):
        yield "Y08", f"batches of {number}", GOOD.replace("batch_size: 4", f"batch_size: {number}")
    yield "Y08", "a billion epochs", _train("epochs", "1000000000000")
    yield "Y08", "a rate below 0", _rate("-1")
    yield "Y08", "all dropped", GOOD.replace("[Flatten,", "[Flatten, {Dropout: {rate: 1.5}},")
    yield "Y08", "a billion units", GOOD.replace("units: 2", "units: 1000000000000")
    yield "Y09", "a date for a number", _train("epochs", "2024-13-45")
    yield "Y10", "a tab for a blank", "name: a\ndata:\n\ttrain: 1\n"
    for tag in (
        "!!binary aGk=",
        '!!timestamp "zz"',
        '!!bool "maybe"',
        "!include other.yaml",
        "!!str 5",
        "!!int x",
        "!<x> 1",
        "!",
    ):
        yield "Y11", f"tag {tag}", GOOD.replace("name: small", f"name: {tag}")
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(10))
    yield "Y12", "a billion laughs", laughs
    yield "Y13", "a list in itself", "a: &a [*a]\n"
    yield "Y13", "a mapping in itself", "a: &a {b: *a}\n"
    yield "Y13", "a merge key", _with("a: &a {b: 1}\nc: {<<: *a}")
    yield "Y13", "an anchor that is not there", GOOD.replace("name: small", "name: *small")
    for opening in "[{":
        yield "Y14", f"5,000 nested {opening}", "a: " + opening * 5000
        yield "Y14", f"200,000 nested {opening}", "a: " + opening * 200_000
    yield "Y14", "nested by indentation", "".join(f"{' ' * n}a:\n" for n in range(900))
    yield "Y14", "5,000 nested dashes", "- " * 5000
    yield "Y15", "an empty file", ""
    yield "Y15", "only comments", "# nothing\n# here\n"
    yield "Y15", "a list", "- a\n- b\n"
    yield "Y15", "a word", "hello\n"
    yield "Y15", "a number", "5\n"
    yield "Y15", "two documents", f"{GOOD}---\n{GOOD}"
    yield "Y16", "UTF-16", GOOD.encode("utf-16")
    yield "Y16", "Latin-1", GOOD.encode() + b"# caf\xe9\n"
    yield "Y16", "a NUL", GOOD.replace("small", "sm\0all")
    yield "Y16", "a NUL as an escape", GOOD.replace("small", '"sm\\0all"')
    yield "Y16", "half a surrogate", GOOD.replace("small", '"\\uD800"')
    yield "Y16", "half a surrogate in bytes", GOOD.encode().replace(b"small", b"\xed\xa0\x80")
    yield "Y16", "a no-break space in a key", GOOD.replace("name:", "na\u00a0me:")
    yield "Y16", "a line separator", GOOD.replace("small", "a\u2028b")
    yield "Y16", "an escape sequence", GOOD.replace("small", "\x1b[31mred")
    yield "Y16", "an escape beyond Unicode", GOOD.replace("small", '"\\UFFFFFFFF"')
    yield "Y17", "a list as a key", _with("[a, b]: 1")
    yield "Y17", "a mapping as a key", _with("{a: b}: 1")
    yield "Y17", "a long key", _with("? " + "x" * 200 + "\n: 1")
    for key in ("5", "null", "true", "1.5", "~"):
        yield "Y17", f"{key} as a key", _with(f"{key}: 1")
    yield "Y18", "2 MiB", _with("# " + "x" * (2 << 20))
    yield "Y18", "a line of 1 MB", _with(f"seed: {'1' * 1_000_000}")
    yield "Y18", "30,000 keys", "".join(f"k{n}: 1\n" for n in range(30_000))
    yield "Y19", "a quote that is not closed", GOOD.replace("small", '"small')
    yield "Y19", "a bracket that is not closed", GOOD + "callbacks: [a, b\n"
    yield "Y19", "two colons", GOOD.replace("name: small", "name: a: b")
    yield "Y19", "a bad indentation", "name: a\n  seed: 5\n"
    yield "Y19", "an at sign", GOOD.replace("small", "@small")
    yield "Y19", "a percent sign", "%bad\n" + GOOD
    yield "Y21", "fewer classes than labels", GOOD.replace("units: 2", "units: 1").replace("softmax", "sigmoid")
    yield (
        "Y21",
        "a table's network on pictures",
        GOOD.replace("layers: [Flatten,", "layers: [{Conv2D: {filters: 2, kernel_size: 3}},"),
    )
    yield "Y23", "a newer version of the schema", _with("fittool: 99.0")
    yield "Y24", "a function without a file", GOOD.replace("{npz: {path: data.npz}}", '{python: {function: "os:system"}}')
    yield "Y24", "a function by a dotted path", GOOD.replace("{npz: {path: data.npz}}", '{python: {function: "os.system"}}')
    yield "Y24", "a function out of the folder", GOOD.replace("{npz: {path: data.npz}}", '{python: {function: "../evil:f"}}')
    yield "Y25", "a variable that is not set", GOOD.replace("small", "${ENV:FITTOOL_NO_SUCH}")
    yield "Y25", "a home in a path", GOOD.replace("data.npz", "~/data.npz")


def _accepted_texts() -> Iterator[Case]:
    for number, value in {
        "1e-3": "0.001",
        "1E-3": "0.001",
        "1e3": "1000.0",
        "1E1": "10.0",
        ".5": "0.5",
        "5.": "5.0",
        "1/4": "0.25",
    }.items():
        yield from _accepted("Y04", f"{number} is a number", _rate(number), f"learning_rate: {value}\n")
    for number in ("-0.0", "0", "+1"):
        yield from _accepted(
            "Y07", f"{number} is a number", _rate(number), f"learning_rate: {float(number)!r}".removesuffix(".0")
        )
    for word in ("true", "True", "TRUE"):
        yield from _accepted("Y05", f"{word} is a boolean", _train("shuffle", word), "shuffle: true\n")
    for word, written in {"no": "no", "off": "off", "y": "y", "010": '"010"', "0x1F": '"0x1F"'}.items():
        yield from _accepted("Y05", f"{word} is text", GOOD.replace("name: small", f"name: {word}"), f"name: {written}\n")
    yield from _accepted("Y09", "a date is text", GOOD.replace("small", "2024-13-45"), "2024-13-45")
    shared = GOOD.replace("units: 2", "units: &units 2").replace("epochs: 1", "epochs: *units")
    yield from _accepted("Y12", "an alias", shared, "epochs: 2\n")
    for name, content in {
        "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
        "carriage returns and line feeds": GOOD.replace("\n", "\r\n").encode(),
        "carriage returns": GOOD.replace("\n", "\r").encode(),
        "no line break at the end": GOOD[:-1].encode(),
    }.items():
        yield from _accepted("Y16", name, content, "epochs: 1\n")
    yield from _accepted("Y25", "$HOME is text", GOOD.replace("data.npz", "$HOME.npz"), "$HOME.npz")


def _special(kind: str, code: int, *says: str) -> Iterator[Case]:
    def make(command: str, folder: Path) -> Sequence[object]:
        path = folder / "e.yaml"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "mode":
            path.write_text(GOOD)
            path.chmod(0)
        elif kind.startswith("/"):
            path.symlink_to(kind)
        return (command, "-" if kind == "-" else "e.yaml")

    options: dict[str, object] = {}
    if kind == "mode":
        options = {"child": True, "prefix": ORDINARY, "needs": ("permissions",)}
    for command in COMMANDS:
        yield Case("Y20", f"{kind} ({command})", partial(make, command), code, says, **options)  # type: ignore[arg-type]


def _paths() -> Iterator[Case]:
    yield from _special("pipe", 3, "e.yaml: ", "a pipe")
    yield from _special("folder", 2, "e.yaml: ", "a folder")
    yield from _special("/dev/zero", 3, "e.yaml: ", "a device")
    yield from _special("/dev/full", 3, "e.yaml: ", "a device")
    yield from _special("mode", 2, "'e.yaml' is not readable.")
    yield from _special("nothing", 2, "There is no file e.yaml.")
    yield from _special("-", 2, "There is no file -.")


def _elsewhere(folder: Path) -> Sequence[object]:
    """Paths are those of the experiment's folder, wherever fittool is started."""
    place = folder.parent / "work" / "deep" / "down"
    place.mkdir(parents=True)
    np.savez(place / "data.npz", x=X, y=Y)
    (place / "e.yaml").write_text(GOOD)
    return ("check", "--data", "deep/down/e.yaml")


def _trained_first(change: tuple[str, str], *options: str) -> Callable[[Path], Sequence[object]]:
    """A run that was stopped, and its experiment edited since."""

    def make(folder: Path) -> Sequence[object]:
        command = _file(GOOD.replace("epochs: 1", "epochs: 3"), "train")(folder)
        first = here([*map(str, command), "--run-dir", "run", "--set", "train.epochs=1"])
        assert first.code == 0, first.err
        _file(GOOD.replace("epochs: 1", "epochs: 3").replace(*change), "train")(folder)
        return (*command, "--run-dir", "run", "--resume", *options)

    return make


def _other_data(folder: Path) -> Sequence[object]:
    command = _trained_first(("", ""))(folder)
    np.savez(folder / "data.npz", x=X + 1, y=Y)
    return command


def _fast(folder: Path) -> None:
    """Refusing takes less than half a second, whatever it is."""
    for row, name, content in TEXTS:
        command = _file(content, "check")(folder)
        start = time.monotonic()
        here([*map(str, command)])
        assert time.monotonic() - start < 0.5, f"{row} {name}"


def _code_in_names(folder: Path) -> Iterator[Case]:
    for name, content in hostile_files.experiments(folder).items():
        yield Case("Y11", name, _file(content, "check"), 3, ["e.yaml:"], lines=ANY)


TEXTS = list(_texts())
CASES = [
    Case("Y02", "208 planted mistakes, told at their lines", probe=_planted),
    *(case for text in TEXTS for case in _refused(*text)),
    *_accepted_texts(),
    *_code_in_names(Path(".")),
    *_paths(),
    Case("Y22", "paths are relative to the experiment's folder", _elsewhere),
    Case(
        "Y26",
        "another batch size",
        _trained_first(("batch_size: 4", "batch_size: 8")),
        3,
        ["train.batch_size was 4 when the run began, and is 8 now."],
    ),
    Case("Y26", "another layer", _trained_first(("units: 2", "units: 3")), 3, ["units was 2 when the run began, and is 3 now."]),
    Case("Y26", "another batch size, accepted", _trained_first(("batch_size: 4", "batch_size: 8"), "--accept-changes")),
    Case("Y26", "more epochs", _trained_first(("epochs: 3", "epochs: 4"))),
    Case(
        "C12",
        "other data",
        _other_data,
        4,
        ["The train", "data are not those that the run began with: ", "fingerprint", "--accept-changes"],
    ),
    Case("Y18", "each is refused within half a second", probe=_fast),
]
