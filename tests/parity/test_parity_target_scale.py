"""`data.target` against scikit-learn's TransformedTargetRegressor around the same network on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fittool as ft

pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

EXPERIMENT = """\
name: diabetes
seed: 11
data: {{train: {{npz: {{path: {path}}}}}{target}}}
model: {{layers: [{{Normalization: {{}}}}, {{Dense: {{units: 16, activation: relu}}}}, {{Dense: {{units: {units}}}}}]}}
compile: {{optimizer: {{Adam: {{learning_rate: 0.01}}}}, loss: {loss}, metrics: [mae]}}
train: {{epochs: 12, batch_size: 32, verbose: 0}}
"""
TRANSFORMERS = {
    "standard": StandardScaler(),
    "log": make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
}


def trained(folder: Path, x: Any, y: Any, loss: str, target: str = "") -> ft.Run:
    np.savez(folder / "data.npz", x=x.astype("float32"), y=y)
    units = y.shape[1] if y.ndim == 2 else 1
    (folder / "e.yaml").write_text(EXPERIMENT.format(path="data.npz", loss=loss, target=target, units=units))
    return ft.train(ft.load_experiment(folder / "e.yaml"))


class Network(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The network without a scale of its own."""

    def __init__(self, folder: Path, loss: str) -> None:
        self.folder, self.loss = folder, loss

    def fit(self, x: Any, y: Any) -> Network:
        run = trained(self.folder, x, y, self.loss)
        self.model_ = ft.load_model(run.directory / "checkpoints" / "last.safetensors")
        return self

    def predict(self, x: Any) -> Any:
        return self.model_.predict(x.astype("float32"))


@pytest.mark.parametrize("loss", ["mean_squared_error", "huber"])
@pytest.mark.parametrize("kind", ["standard", "log"])
@pytest.mark.parametrize("targets", [1, 2])
def test_predictions_and_metrics_are_those_of_scikit_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, loss: str, targets: int
) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = load_diabetes(return_X_y=True)
    if targets == 2:
        y = np.stack([y, y[::-1] * 1000], axis=1)
    wanted = TransformedTargetRegressor(Network(tmp_path, loss), transformer=TRANSFORMERS[kind]).fit(x, y).predict(x)
    run = trained(tmp_path, x, y, loss, f", target: {{scale: {kind}}}")
    model = ft.load_model(run.directory / "checkpoints" / "last.safetensors")
    found = model.predict(x.astype("float32"))
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=2e-5)
    measured = model.evaluate(x.astype("float32"), y, verbose=0, return_dict=True)
    each = mean_absolute_error(y, wanted, multioutput="raw_values")
    assert measured["mae"] == pytest.approx(each.mean(), rel=1e-4)
    if targets == 2:
        assert [measured[f"mae_output_{number}"] for number in range(2)] == pytest.approx(each, rel=1e-4)
