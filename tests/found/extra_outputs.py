"""Networks with more outputs than classes: what training takes, every later command takes, and it is said."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from faults.cases.inputs import TRAIN, pictures
from faults.cases.runner import Case
from found.run_steps import fittool

SAID = "The last layer has 5 units, but there are 2 classes, so 3 of them never mean anything. Give it 2 units."


def _learn(folder: Path) -> None:
    pictures(folder)
    Path("e.yaml").write_text(Path("e.yaml").read_text().replace("units: 2", "units: 5"))


def _trained(folder: Path) -> Sequence[object]:
    _learn(folder)
    return [*TRAIN, "--run-dir", "run"]


def _checked(folder: Path) -> Sequence[object]:
    _learn(folder)
    return ["check", "e.yaml"]


def _predicts(out: str | None) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        _learn(folder)
        fittool(*TRAIN, "--run-dir", "run")
        done = fittool("predict", "run", "pictures", *([] if out is None else ["--out", out]))
        names = ["cat", "dog", "output_2", "output_3", "output_4"]
        if out == "p.npz":
            arrays = np.load(out)
            assert arrays["classes"].tolist() == names and set(arrays["prediction"]) <= set(names)
        else:
            rows = list(csv.DictReader(io.StringIO(done.out if out is None else Path(out).read_text())))
            assert list(rows[0])[-5:] == names and {row["prediction"] for row in rows} <= set(names)
        for command in (("evaluate", "run", "--on", "train"), ("summary", "e.yaml"), ("verify", "run")):
            fittool(*command)

    return probe


CASES = [
    Case("extra outputs", "trained", make=_trained, says=[SAID]),
    Case("extra outputs", "checked", make=_checked, says=[SAID]),
    *(
        Case("extra outputs", f"predicted {name}", probe=_predicts(out))
        for name, out in (("on stdout", None), ("as csv", "p.csv"), ("as npz", "p.npz"))
    ),
]
