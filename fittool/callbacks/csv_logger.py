"""CSVLogger: the epochs as a table of one's own."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.errors import StorageError
from fittool.runs.files.atomic import atomic_write
from fittool.runs.paths import RunPaths
from fittool.settings import Boolean, Field, Text, setting

_ABSENT = "NA"


@setting
class CSVLogger(CallbackSetting):
    """Writes the values of each epoch to a CSV file; epochs count from 0."""

    writes_only: ClassVar[bool] = True

    filename: Text = Field(min_length=1, description="File to write; in an experiment relative to the run directory.")
    separator: Text = Field(default=",", description="The one character between two values.")
    append: Boolean = Field(default=False, description="Whether rows that the file already has are kept.")

    @field_validator("separator")
    @classmethod
    def _one_character(cls, separator: str) -> str:
        if len(separator) != 1 or separator in '"\r\n':
            raise PydanticCustomError("separator", "must be one character, and no quote or line end")
        return separator

    @property
    def is_file_of_a_run(self) -> bool:
        """True for the name of a file that a run keeps itself, which it would destroy."""
        return RunPaths(Path()).keeps(Path(os.path.normpath(self.filename)))

    def files(self) -> Mapping[str, str]:
        """The table."""
        return {"filename": self.filename}

    def start(self, surroundings: CallbackContext) -> CSVLoggerCallback:
        """The callback at work."""
        return CSVLoggerCallback(surroundings.directory / self.filename, self.separator, self.append)


class CSVLoggerCallback(Callback):
    """Holds all rows and writes the file anew after each epoch, so that late columns are complete.

    Raises:
        StorageError: The file cannot be read or written.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, path: Path, separator: str, append: bool) -> None:
        self.path, self.separator = path, separator
        self.append = append
        self.rows: list[dict[str, Any]] = []
        self._known: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Take over the rows that are to be kept: all that the file has, or where a training goes on, those of its checkpoint."""
        if (self.append or self._known) and self.path.exists():
            self.rows = self._read()[: self._known]
        if self._known is not None and len(self.rows) < self._known:
            self.run.say(f"warning: {self.path}: {self._known - len(self.rows)} rows of the training before are lost.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the table with one more row."""
        self.rows.append({"epoch": epoch, **(logs or {})})
        self._write()

    def state(self) -> dict[str, Any]:
        """The number of rows; they are on disk before any checkpoint counts them."""
        return {"rows": len(self.rows)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._known = int(state["rows"])

    def _read(self) -> list[dict[str, Any]]:
        try:
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter=self.separator))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise StorageError(f"CSVLogger cannot append to this file: {error}", place=str(self.path)) from error
        return [{name: value for name, value in row.items() if name is not None and value not in (None, _ABSENT)} for row in rows]

    def _write(self) -> None:
        names = sorted({name for row in self.rows for name in row} - {"epoch"})
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, ["epoch", *names], restval=_ABSENT, delimiter=self.separator, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        warning = atomic_write(self.path, [text.getvalue().encode()])
        if warning is not None:
            self.run.say(warning)
