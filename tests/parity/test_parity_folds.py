"""Cross-validation of whole experiments against scikit-learn: its splits, its accuracy, its mean and deviation."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold

ROOT = Path(__file__).parents[2]
FOLDS = 5


def fittool(*arguments: object) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "fittool", *map(str, arguments)]
    return subprocess.run(command, env=environment, check=True, text=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("name", "label"), [("penguins", "species"), pytest.param("breast_cancer", "diagnosis", marks=pytest.mark.long)]
)
def test_mean_and_deviation_are_those_of_scikit_learn(tmp_path: Path, name: str, label: str):
    table = ROOT / "sample_data" / f"{name}.csv"
    with table.open(newline="") as file:
        labels = np.array([row[label] for row in csv.DictReader(file)])
    folder = tmp_path / "folds"
    fittool("train", ROOT / "configs" / f"{name}.yaml", "--kfold", FOLDS, "--run-dir", folder, "--verbose", 0)
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=7).split(labels, labels)
    scores = []
    for fold, (_, held_out) in enumerate(splits):
        run = folder / f"fold-{fold}"
        with (run / "validation.csv").open(newline="") as file:
            validated = [
                int(row["sample"].rpartition(":")[2]) - 2 for row in csv.DictReader(file)
            ]  # lines count from the heading
        assert validated == held_out.tolist()
        rows = list(csv.DictReader(fittool("predict", run, table, "--on-bad", "skip").splitlines()))
        predicted = np.array([row["prediction"] for row in rows])
        scores.append(accuracy_score(labels[held_out], predicted[held_out]))
    kept = json.loads((folder / "ensemble.json").read_text())["results"]["val_accuracy"]
    assert kept["values"] == pytest.approx(scores, abs=1e-12)
    assert (kept["mean"], kept["deviation"]) == pytest.approx((np.mean(scores), np.std(scores)), abs=1e-12)
    counted = json.loads((folder / "ensemble.json").read_text())["members"]
    assert counted == [f"fold-{fold}" for fold in range(FOLDS)]
    together = dict(line.split() for line in fittool("evaluate", folder).splitlines())
    weights = [len(held_out) for _, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=7).split(labels, labels)]
    assert float(together["accuracy"]) == pytest.approx(np.average(scores, weights=weights), abs=1e-6)
