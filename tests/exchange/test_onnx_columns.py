"""The columns of a table in onnxruntime against the encoder that the run has kept."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.formats.cell_form import MISSING
from fittool.data.formats.columns import Column
from fittool.data.tables.column_kinds import COLUMN_KINDS
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.inference import ColumnPlan
from fittool.exchange.onnx_format.model import write_onnx
from fittool.exchange.trained_network import ExportError, InputForm, OutputForm, TrainedNetwork
from fittool.nn.graph import Graph
from fittool.nn.layers import Dense

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

COUNT = 60


def column_of(name: str, cells: list[str], *, text: bool = False) -> Column:
    column = Column(name, keep_text=text)
    column.add(cells, range(len(cells)))
    return column


def numbers(seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(1e6, 5e5, COUNT).tolist()


def cells_of(values: list[float]) -> list[str]:
    return ["" if value != value else repr(value) for value in values]


def features(encoder: TableEncoder, given: dict[str, np.ndarray]) -> np.ndarray:
    """What a graph makes of columns: the network behind it lets the features through."""
    size = len(encoder.layout)
    graph = Graph.build([Dense(size, name="same")], {"input": (size,)})
    weights = {"same/kernel": np.eye(size, dtype=np.float32), "same/bias": np.zeros(size, np.float32)}
    network = TrainedNetwork(
        graph,
        weights,
        (InputForm("input", (size,), "float32"),),
        {"same": OutputForm("numbers")},
        encoder=encoder,
        missing=MISSING,
    )
    session = onnxruntime.InferenceSession(write_onnx(network).content, providers=["CPUExecutionProvider"])
    return session.run(None, {name: array.reshape(-1, 1) for name, array in given.items()})[0]


def encoder_of(column: Column, kind: object) -> TableEncoder:
    return TableEncoder.fit([column], np.arange(column.size), ColumnPlan({column.name: COLUMN_KINDS.parse(kind)}))


@pytest.mark.parametrize("scale", ["none", "standard", "robust", "minmax", "quantile"])
@pytest.mark.parametrize("gaps", [False, True])
def test_numbers(scale, gaps):
    values = numbers()
    values[10:20] = [values[10]] * 10  # equal ones have their middle rank
    values[0] = float("nan") if gaps else values[0]
    encoder = encoder_of(column_of("size", cells_of(values)), {"number": {"scale": scale}})
    more = [*values, min(values[1:]), max(values[1:]), 0.0, 1e7]
    given = np.array(more)
    expected = encoder.encode({"size": column_of("size", cells_of(more))}, len(more)).values
    np.testing.assert_allclose(features(encoder, {"size": given}), expected, rtol=1e-6, atol=1e-7)


def test_a_gap_where_training_had_none_is_filled_as_predict_fills_it():
    encoder = encoder_of(column_of("size", cells_of(numbers())), {"number": {"missing": "mean"}})
    expected = encoder.encode({"size": column_of("size", ["", "3"])}, 2).values
    np.testing.assert_allclose(features(encoder, {"size": np.array([np.nan, 3.0])}), expected, rtol=1e-6)


def test_where_gaps_are_refused_the_answer_is_no_number():
    encoder = encoder_of(column_of("size", cells_of(numbers())), {"number": {"missing": "error"}})
    assert np.isnan(features(encoder, {"size": np.array([np.nan])})).all()


WORDS = ["red", "green", "blue", "red", "NA", "green", "red", "blue", "grey", "red"]


@pytest.mark.parametrize("options", [{}, {"encode": "embedding"}, {"rare": 2}, {"encode": "embedding", "rare": 2}], ids=str)
def test_categories(options):
    encoder = encoder_of(column_of("colour", WORDS * 3 + ["mauve"], text=True), {"category": options})
    cells = ["red", "green", "blue", "grey", "mauve", "", "NA", "NaN", "nan", "None", "N/A", "never seen", "Red"]
    expected = encoder.encode({"colour": column_of("colour", cells, text=True)}, len(cells)).values
    np.testing.assert_array_equal(features(encoder, {"colour": np.array(cells, object)}), expected)


def test_levels_that_are_numbers_may_be_written_as_such():
    encoder = encoder_of(column_of("year", ["2007", "2008", "2009", "2007"], text=True), "category")
    cells = ["2007", "2008.0", "2009", "2010", ""]
    expected = encoder.encode({"year": column_of("year", cells, text=True)}, len(cells)).values
    np.testing.assert_array_equal(features(encoder, {"year": np.array(cells, object)}), expected)


@pytest.mark.parametrize("gaps", [[], [""]])
def test_booleans(gaps):
    encoder = encoder_of(column_of("member", ["Yes", "no", "no", "yes", *gaps], text=True), "boolean")
    cells = ["yes", "Yes", "YES", "no", "No", "", "perhaps"]
    expected = encoder.encode({"member": column_of("member", cells, text=True)}, len(cells)).values
    np.testing.assert_array_equal(features(encoder, {"member": np.array(cells, object)}), expected)


def test_dates():
    seconds = np.random.default_rng(3).integers(-(2**32), 2**32, 500).astype(np.float64)
    cells = [f"{one}".replace("T", " ") for one in seconds.astype("datetime64[s]")]
    parts = ["year", "month", "day", "weekday", "hour", "time"]
    encoder = encoder_of(column_of("when", [*cells, ""], text=True), {"date": {"parts": parts}})
    expected = encoder.encode({"when": column_of("when", [*cells, ""], text=True)}, len(cells) + 1).values
    found = features(encoder, {"when": np.array([*seconds, np.nan])})
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_columns_of_text_are_refused_by_name():
    encoder = encoder_of(column_of("story", ["once upon a time", "there was"], text=True), {"text": {"width": 8}})
    with pytest.raises(ExportError, match=r"column story: ONNX cannot take words apart .* data\.columns\.story: drop"):
        features(encoder, {"story": np.array(["a"], object)})
