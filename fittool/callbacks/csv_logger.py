"""CSVLogger: the epochs as a table of one's own."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.errors import StorageError
from fittool.nn.objectives import ROW_NAMES
from fittool.runs.paths import RunPaths
from fittool.settings import Boolean, Field, Text, setting

if TYPE_CHECKING:
    from fittool.runs.files.text_table import Row


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
        path = surroundings.directory / self.filename
        return CSVLoggerCallback(path, self.separator, self.append, surroundings.name_of(path))


class CSVLoggerCallback(Callback):
    """Holds all rows, as text, and writes the file anew after each epoch, so that late columns are complete.

    Args:
        path: The file.
        separator: Between two cells.
        append: Whether rows that it has already are kept.
        file: Its name in the run; None for a file elsewhere, of which a run does not answer for.

    Raises:
        StorageError: The file cannot be read or written.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, path: Path, separator: str, append: bool, file: str | None = None) -> None:
        self.path, self.separator, self._file = path, separator, file
        self.append = append
        self.rows: list[Row] = []
        self._uncounted: list[Row] = []  # rows of the file behind those that the checkpoint counts
        self._counted: Mapping[str, Any] | None = None
        self._written: bytes | None = None
        self._warned = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Take over the rows that are to be kept: all that the file has, or where a training goes on, those of its checkpoint."""
        if self._counted is not None:
            self._go_on(self._counted)
        elif self.append and self.path.exists():
            self.rows = self._read()
            if self.rows:
                # From now on the file holds rows that a second start could not tell from those of before.
                self.run.save("last")

    def _go_on(self, counted: Mapping[str, Any]) -> None:
        from fittool.runs.files.text_table import digest_of_rows

        found = self._read() if self.path.exists() else []
        known = int(counted["rows"])
        if len(found) >= known and counted.get("digest") in (None, digest_of_rows(found[:known])):
            self.rows, self._uncounted = found[:known], found[known:] if self.append else []
            return
        self.run.say(f"warning: {self.path} is not as this training left it: its rows are written again.")
        own = [_as_text({**_logs(row), "epoch": row["epoch"] - 1}) for row in self._rows_of_the_run()]
        self.rows = [*found, *(row for row in own if row not in found)] if self.append else own
        self._write()

    def _rows_of_the_run(self) -> Sequence[Mapping[str, Any]]:
        return () if self.run.backups is None else self.run.backups.rows()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the table with one more row."""
        from fittool.runs.files.lock import sole_writer

        row = _as_text({"epoch": epoch, **(logs or {})})
        with sole_writer(self.path) if self.append else nullcontext():
            self._see_others()
            if row in self._uncounted:  # written before a kill, and not counted by the checkpoint
                self._uncounted.remove(row)
            self.rows.append(row)
            self._write()

    def _see_others(self) -> None:
        """Keep the rows of another process that writes the file too, if rows are to be kept, and say so once."""
        if not self.path.exists() or not self._is_changed():
            return
        if self.append:
            self._take_over(self._read())
        if not self._warned:
            kept = "their rows are kept" if self.append else "its rows are replaced"
            self.run.say(f"warning: {self.path} is written by others too: {kept}.")
            self._warned = True

    def _is_changed(self) -> bool:
        """True where the file is not as it was after the last write; before the first, as `on_train_begin` found it."""
        if self._written is None:
            return self.append and self._read() != [*self.rows, *self._uncounted]
        return self.path.read_bytes() != self._written

    def _take_over(self, found: list[Row]) -> None:
        own = [*self.rows, *self._uncounted]
        if found[: len(own)] == own:
            self.rows += found[len(own) :]
        else:
            self.rows, self._uncounted = found, []

    def state(self) -> dict[str, Any]:
        """The number of rows and what they are; they are on disk before any checkpoint counts them."""
        from fittool.runs.files.text_table import digest_of_rows

        is_there = self._file is not None and self.rows  # before its first row there may be no file
        place = {"file": self._file, "separator": self.separator} if is_there else {}
        return {"rows": len(self.rows), "digest": digest_of_rows(self.rows), **place}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._counted = dict(state)

    def _read(self) -> list[Row]:
        from fittool.runs.files.text_table import read_rows

        try:
            return read_rows(self.path, self.separator)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise StorageError(f"CSVLogger cannot append to this file: {error}", place=str(self.path)) from error

    def _write(self) -> None:
        from fittool.runs.files.atomic import atomic_write
        from fittool.runs.files.text_table import encode_rows

        self._written = encode_rows([*self.rows, *self._uncounted], self.separator)
        warning = atomic_write(self.path, [self._written])
        if warning is not None:
            self.run.say(warning)


def _as_text(row: Mapping[str, Any]) -> Row:
    """A row as it reads back: numbers to the last bit."""
    return {name: repr(float(value)) if isinstance(value, float) else str(value) for name, value in row.items()}


def _logs(row: Mapping[str, Any]) -> dict[str, Any]:
    """The logs that the row of a run was made from."""
    return {name: value for name, value in row.items() if name not in ROW_NAMES}
