"""Which samples a run is validated on: `validation.csv`, so that anyone can say later which they were."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fittool.data.dataset import Dataset
from fittool.runs.files.spreadsheet_text import guarded


def validated_samples(data: Dataset, class_names: Sequence[str] | None) -> bytes:
    """The content of validation.csv: a row for each sample, with its name in messages and its class where it has one.

    Names of files begin below the folder that all of them lie in, as a run tells nobody where on a machine data are.

    Args:
        data: The samples, in their order.
        class_names: The names of the classes.
    """
    names = _below_common_folder([data.describe(index) for index in range(len(data))])
    labels = data.labels() if class_names is not None else None
    columns = [list(map(guarded, names))]
    if labels is not None and class_names is not None:
        known = [guarded(name) for name in class_names]
        columns.append([known[label] if 0 <= label < len(known) else "" for label in labels.tolist()])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sample", "class"][: len(columns)])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode("utf-8", "backslashreplace")


def _below_common_folder(names: Sequence[str]) -> list[str]:
    """Names without the folders that all of them begin with."""
    first, last, start = min(names, default=""), max(names, default=""), 0
    for place, (letter, other) in enumerate(zip(first, last, strict=False)):
        if letter != other:
            break
        start = place + 1 if letter == "/" else start
    return [name[start:] for name in names]
