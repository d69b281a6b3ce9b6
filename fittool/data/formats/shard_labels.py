"""Labels in shards: a class's name or number as text, or an entry of a JSON file."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.errors import DataError, shown
from fittool.settings import nearest_name

_JSON = "json"
_LONGEST_TEXT, _LONGEST_JSON = 4096, 1 << 20
_LIKELY_KEYS = ("label", "class", "category", "target", "cls", "y", "name")
_SHOWN = 10


@dataclass(frozen=True)
class LabelForm:
    """Where a sample's label is.

    Attributes:
        ending: Of its member, in lower case.
        keys: The way to it in a JSON file, from the outermost mapping inwards.
    """

    ending: str
    keys: tuple[str, ...] = ()

    @classmethod
    def parse(cls, written: str) -> LabelForm:
        """`cls`, `txt`, or `json.label` for the entry `label` of a JSON file."""
        ending, _, keys = written.strip(" .").partition(".")
        if ending.lower() == _JSON:
            return cls(_JSON, tuple(keys.split(".")) if keys else ())
        return cls(written.strip(" .").lower())

    def read(self, archive: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> str:
        """The label in a member of the shard at `path`.

        Raises:
            DataError: It is too long, no text, or no JSON with such an entry.
        """
        most = _LONGEST_JSON if self.ending == _JSON else _LONGEST_TEXT
        called = f"The label {shown(info.name)}"
        if info.size > most:
            raise DataError(f"{called} has {info.size:,} bytes; a number or a name was expected.", place=shown(path))
        file = archive.extractfile(info)
        try:
            text = (b"" if file is None else file.read()).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise DataError(f"{called} is no text.", place=shown(path)) from None
        if self.ending != _JSON:
            return text
        try:
            return self._entry(json.loads(text))
        except _WrongEntryError as error:
            raise DataError(f"{called} {error}", place=shown(path)) from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{called} is no JSON: {error}.", place=shown(path)) from error

    def _entry(self, value: Any) -> str:
        for depth, key in enumerate(self.keys):
            written = ".".join((_JSON, *self.keys[:depth]))
            if not isinstance(value, dict):
                raise _WrongEntryError(f"holds no mapping at {written}, so that there is no {key} in it.")
            if key not in value:
                raise _WrongEntryError(f"has no entry {key} at {written}. {_known(key, value)}")
            value = value[key]
        written = ".".join((_JSON, *self.keys))
        if isinstance(value, dict):
            near = next((key for key in _LIKELY_KEYS if key in value), next(iter(value), "KEY"))
            raise _WrongEntryError(f"holds a mapping at {written}. Set label to an entry of it, such as {written}.{near}.")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, list) or value is None or value != value:
            raise _WrongEntryError(f"holds {_in_words(value)} at {written}; a name or a number was expected.")
        return json.dumps(value) if isinstance(value, bool) else str(value).strip()


class _WrongEntryError(Exception):
    """A JSON file does not hold the label where it should."""


def _known(key: str, value: dict[str, Any]) -> str:
    near = nearest_name(key, list(value))
    return f"Did you mean {near}?" if near else f"There are {', '.join(map(shown, list(value)[:_SHOWN])) or 'none'}."


def _in_words(value: object) -> str:
    return "a list" if isinstance(value, list) else "null" if value is None else str(value)
