"""Damaged and odd tables: each is read, or refused by name; never a bare error."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.data.sources import CsvSource, SourceContext
from fittool.data.tables.inference import ColumnPlan
from fittool.errors import FittoolError
from fittool.scaffold.new_experiment import write_experiment_for

SAMPLES = Path(__file__).parents[3] / "sample_data"
HEAD = b"id,height,where,born,note,share,ok,kind\n"
ROW = "{n},{h:.2f},{w},2024-{m:02d}-{d:02d},seen by us on day {n},{p}%,{b},{k}\n"
TABLE = HEAD + b"".join(
    ROW.format(
        n=n, h=n * 0.37 % 5, w=("hill", "dale", "größer", "NA")[n % 4], m=n % 12 + 1, d=n % 28 + 1, p=n % 90,
        b=("yes", "no")[n % 2], k="uvw"[n % 3],
    ).encode()
    for n in range(1, 60)
)  # fmt: skip
PENGUINS = (SAMPLES / "penguins.csv").read_bytes()
PIECES = (
    b"", b",", b"\n", b'"', b"\r", b"\0", b";", b"\t", b"-", b".", b"1e999", b"nan", b"NA", b"inf", b"\xff", b"\xef\xbb\xbf",
    b"%", b"'", b"0", b" ", b"99999999999999999999", b"2024-13-40", b"=1+1", b"\xe2\x80\x8b", b"x" * 300, b",,,,,,,,\n", b"\r\n",
    b"1,5", b"01/02/2024", b"kind",
)  # fmt: skip


def mutated(table: bytes, chance: np.random.Generator) -> bytes:
    """A table with a few changes: pieces put in or taken out, lines twice, lost, mixed up or cut."""
    for _ in range(int(chance.integers(1, 5))):
        place = int(chance.integers(0, len(table) + 1))
        way = int(chance.integers(0, 7))
        if way < 3:
            length = int(chance.choice([0, 0, 1, 3, 40]))
            table = table[:place] + PIECES[int(chance.integers(len(PIECES)))] + table[place + length :]
        elif way == 3:
            table = table[:place]
        else:
            lines = table.splitlines(keepends=True) or [b""]
            first, second = (int(number) for number in chance.integers(0, len(lines), 2))
            if way == 4:
                lines[first], lines[second] = lines[second], lines[first]
            elif way == 5:
                lines.insert(first, lines[second])
            else:
                del lines[first]
            table = b"".join(lines)
    return table


def read_or_refuse(path: Path) -> bool:
    """Read a table as `train` does; True where it can be."""
    kinds = SourceContext(class_mode="sparse", columns=ColumnPlan(drops_useless=True))
    with contextlib.suppress(FittoolError):
        data = CsvSource(str(path), label=["kind"] if path.stem == "kinds" else ["species"]).open(kinds)
        values = data.inputs[0]  # type: ignore[union-attr]
        assert np.isfinite(values).all()
        assert len(values) == len(data) > 0
        return True
    return False


def play(folder: Path, count: int, seed: int) -> int:
    chance = np.random.default_rng(seed)
    read = 0
    for number in range(count):
        path = folder / ("kinds.csv" if number % 2 else "penguins.csv")
        path.write_bytes(mutated(TABLE if number % 2 else PENGUINS, chance))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read += read_or_refuse(path)
    return read


def test_mutated_tables_are_read_or_refused(tmp_path: Path) -> None:
    assert play(tmp_path, 300, seed=1) > 60


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_five_thousand_mutated_tables_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    assert play(tmp_path, 500, seed) > 100


def init_or_refuse(folder: Path, number: int) -> bool:
    """What `init` writes is an experiment that can be read, and that its own check has passed."""
    file = folder / f"e{number}.yaml"
    with contextlib.suppress(FittoolError):
        write_experiment_for(str(folder / "kinds.csv"), file)
        load_experiment(file)
        return True
    assert not file.exists()
    return False


@pytest.mark.parametrize("count", [15, pytest.param(200, marks=pytest.mark.long)])
def test_init_writes_what_trains_or_nothing(tmp_path: Path, count: int) -> None:
    chance = np.random.default_rng(3)
    written = 0
    for number in range(count):
        (tmp_path / "kinds.csv").write_bytes(mutated(TABLE, chance))
        written += init_or_refuse(tmp_path, number)
    assert written > count // 5
