"""Tables as arrays for `fit`, from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fittool as ft
from fittool.errors import DataError

PENGUINS = Path(__file__).parents[3] / "sample_data" / "penguins.csv"


def test_a_file_becomes_features_and_class_numbers() -> None:
    table = ft.load_table(PENGUINS, label="species", columns={"year": "drop"}, column_defaults={"number": {"scale": "standard"}})
    x, y = table
    assert (x.shape, x.dtype, y.shape, table.class_names) == ((344, 14), np.float32, (344,), ("Adelie", "Chinstrap", "Gentoo"))
    assert table.layout.names[:3] == ("island=Biscoe", "island=Dream", "island=Torgersen")
    assert table.embedding is None
    assert "year" in table.summary()


def test_it_is_fitted_and_reads_other_tables() -> None:
    table = ft.load_table(PENGUINS, label="species", column_defaults={"number": {"scale": "standard"}})
    model = ft.Sequential([ft.layers.Dense(16, "relu"), ft.layers.Dense(3, "softmax")])
    model.compile(optimizer={"Adam": {"learning_rate": 0.01}}, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(table.x, table.y, epochs=20, verbose=0)
    assert history.history["accuracy"][-1] > 0.98
    np.testing.assert_array_equal(table.encode(PENGUINS), table.x)


def test_numbers_to_predict_stay_numbers() -> None:
    with pytest.warns(UserWarning, match=r"^load_table: 2 rows without body_mass_g left out\.$"):
        _, y = ft.load_table(PENGUINS, label="body_mass_g")
    assert (y.dtype.kind, len(y), y.min()) == ("i", 342, 2700)


def test_a_file_without_names_is_asked_by_number(tmp_path: Path) -> None:
    (tmp_path / "bare.csv").write_text("1.5,2.5,7.25\n2.5,1.5,8.5\n0.5,3.5,9.75\n")
    table = ft.load_table(tmp_path / "bare.csv", label=2)
    assert (table.label, table.y.tolist()) == (("2",), [7.25, 8.5, 9.75])


@pytest.mark.parametrize("table", [{"a": [1.0, 2.0], "y": [0, 1]}, [[1.0, 0]], None], ids=["dict", "list", "None"])
def test_what_is_no_table_is_refused_by_its_type(table: object) -> None:
    with pytest.raises(TypeError, match=rf"load_table takes the path of a file, or .*; got a {type(table).__name__}\."):
        ft.load_table(table, label="y")


def test_nothing_is_learnt_from_the_rows_that_are_validated_on() -> None:
    whole, part = (ft.load_table(PENGUINS, label="species", validation_split=share) for share in (0.0, 0.5))
    assert "island=Torgersen" in part.layout.names
    heights = [{column.name: column for column in one.encoder.columns}["bill_length_mm"].highest for one in (whole, part)]
    assert heights[0] >= heights[1]
    assert len(part.x) == 344


def test_categories_of_many_values_are_codes_and_a_layer_reads_them() -> None:
    adult = ft.load_table(PENGUINS.parent / "adult.csv", label="income")
    assert adult.embedding is not None
    model = ft.Sequential([adult.embedding, ft.layers.Dense(2, "softmax")])
    model.compile(loss="sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(adult.x, adult.y, epochs=1, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_in_memory_are_read_as_files(library: str) -> None:
    frames = pytest.importorskip(library)
    frame = frames.read_csv(PENGUINS) if library == "pandas" else frames.read_csv(PENGUINS, null_values="NA")
    expected, found = ft.load_table(PENGUINS, label="species"), ft.load_table(frame, label="species")
    assert found.layout == expected.layout
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6)
    np.testing.assert_array_equal(expected.encode(frame), expected.x)


class Frame(dict):
    """The least that a table in memory has."""

    @property
    def columns(self) -> list[str]:
        return list(self)


def test_no_library_is_needed_for_a_table_in_memory() -> None:
    frame = Frame(a=np.array([1.5, np.nan, 3.0]), b=["u", None, "v"], c=np.array([True, False, True]), y=["p", "q", "p"])
    found = ft.load_table(frame, label="y", columns={"b": "category"})
    assert found.layout.names == ("a", "a is missing", "b=u", "b=v", "b=(missing)", "c")
    np.testing.assert_array_equal(found.x, [[1.5, 0, 1, 0, 0, 1], [2.25, 1, 0, 0, 1, 0], [3, 0, 0, 1, 0, 1]])


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="must be from 0 to below 1, got 2"):
        ft.load_table(PENGUINS, label="species", validation_split=2)
    with pytest.raises(TypeError, match="columns: "):
        ft.load_table(PENGUINS, columns={"year": "categry"})
    with pytest.raises(DataError, match="There is no column kind"):
        ft.load_table(PENGUINS, label="kind")
