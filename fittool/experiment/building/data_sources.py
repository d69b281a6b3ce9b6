"""Data that a user names for a trained run: which source reads them, and how they come to the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from fittool.data.dataset import Dataset
from fittool.data.remote import is_remote, local_copy
from fittool.data.sources import CsvSource, FolderSource, IdxSource, NpySource, NpzSource, Source, SourceContext
from fittool.data.sources.by_path import kind_of
from fittool.data.targets import no_targets
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, UsageError, shown
from fittool.experiment.building.data import source_context
from fittool.experiment.trained_run import TrainedRun


def local_path(given: str | Path) -> Path:
    """A path on this machine; of what lies at an address a copy is made.

    Raises:
        MachineError: The address needs an extra that is not installed.
        DataError: Nothing is there, or it cannot be read.
    """
    return local_copy(given) if isinstance(given, str) and is_remote(given) else Path(given)


def open_given(run: TrainedRun, path: Path, *, labelled: bool) -> Dataset:
    """Data at a path as the network of a run takes them: with its columns, its classes, its size and colours of images.

    Args:
        run: The run.
        path: An image file, a folder, a CSV, npz or npy file.
        labelled: Whether they have targets that are wanted.

    Raises:
        UsageError: The path is none of these.
        DataError: The data are missing or unreadable, or their inputs have another shape than the network takes.
    """
    trained_on, context = run.loaded.experiment.data.train, context_of(run, labelled=labelled)
    like = source_like if labelled else source_of_inputs
    source = like(trained_on, path, run.feature_names)
    data = open_images([str(path)], context) if source is None else source.open(context)
    assert not isinstance(data, GeneratorData)  # no path is a function
    check_shapes(run, data)
    return data


def context_of(run: TrainedRun, *, labelled: bool) -> SourceContext:
    """The knowledge of a run that sources of other data need."""
    if labelled:
        context = source_context(run.loaded, run.class_names, classes=run.output_classes)
    else:
        context = source_context(run.loaded, run.class_names, None)
    # Inputs alone are looked at one by one anyway, so none is decoded beforehand to leave it out.
    on_bad_file = context.on_bad_file if labelled else "keep"
    on_bad_row: Literal["drop", "keep"] = "drop" if labelled else "keep"
    return replace(
        context,
        feature_names=run.feature_names,
        reading=run.reading,
        encoder=run.encoder,
        on_bad_file=on_bad_file,
        on_bad_row=on_bad_row,
        **run.image_form,
    )


def open_images(names: list[str], context: SourceContext) -> Dataset:
    """Image files without targets."""
    from fittool.data.images.image_files import files_of  # loads Pillow

    return files_of("", names, no_targets(None), None, context)


def kept_cells(run: TrainedRun, path: Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """The cells of columns of a CSV file as they are written, one for each row, to be passed through.

    Args:
        run: The run, whose identifiers are passed through where the file has them.
        path: The file; of another there are none.
        columns: Further ones that the user names.

    Raises:
        UsageError: Columns are named, but the path is no CSV file.
        DataError: There is no such column.
    """
    source = source_of_inputs(run.loaded.experiment.data.train, path, run.feature_names)
    if not isinstance(source, CsvSource):
        if columns:
            raise UsageError(f"--keep names columns, but {shown(path)} is no CSV file.")
        return {}
    context, keys = context_of(run, labelled=False), () if run.encoder is None else run.encoder.keys
    there = source.names(context) if keys else ()
    wanted = dict.fromkeys((*(name for name in keys if name in there), *columns))
    return source.cells(wanted, context) if wanted else {}


def check_shapes(run: TrainedRun, data: Dataset | GeneratorData) -> None:
    """Hold the shapes of inputs against what the network takes.

    Raises:
        DataError: They differ.
    """
    found, wanted = list(data.input_shapes.values()), list(run.graph.inputs.values())
    if found != wanted:
        shapes = (", ".join(map(str, each)) for each in (found, wanted))
        place = "" if isinstance(data, GeneratorData) else data.describe(0)
        raise DataError("Inputs of shape {} were found, but the network takes {}.".format(*shapes), place=place)


def source_like(trained_on: Source, path: Path, features: Sequence[str] | None = None) -> Source:
    """A source for other data of the kind that a run was trained on.

    Args:
        trained_on: The run's own source, whose columns and names of arrays are kept.
        path: A folder, CSV or npz; endings in any case.
        features: The columns of a table that the run has learnt from.

    Raises:
        UsageError: The path is none of these.
    """
    name, kind = str(path.absolute()), kind_of(path)
    if path.is_dir():
        return replace(trained_on, path=name) if isinstance(trained_on, FolderSource) else FolderSource(name)
    if kind == "npz":
        return replace(trained_on, path=name) if isinstance(trained_on, NpzSource) else NpzSource(name)
    if kind == "csv" and isinstance(trained_on, CsvSource):
        return trained_on.in_another_file(name, features or ())
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}.")
    raise UsageError(f"{path} is neither a folder nor an npz{' nor a CSV file' if isinstance(trained_on, CsvSource) else ''}.")


def source_of_inputs(trained_on: Source, path: Path, features: Sequence[str] | None = None) -> Source | None:
    """A source of inputs without targets; None for a single image file. Arguments as of `source_like`."""
    kind = kind_of(path)
    if kind == "npy":
        return NpySource(str(path.absolute()))
    if kind == "idx":
        return IdxSource(str(path.absolute()))
    is_table = kind == "csv" and (isinstance(trained_on, CsvSource) or path.suffix.lower() in (".csv", ".tsv"))
    if path.is_dir() or kind == "npz" or is_table:
        source = source_like(trained_on, path, features)
        if isinstance(source, CsvSource):
            listed = source.features if source.image else None  # beside images there are none unless they are listed
            return replace(source, label=None, features=listed, weight=None)
        return source
    return None
