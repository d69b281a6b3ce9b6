"""Data at an address such as `s3://bucket/photos`: copied once into the cache folder, and again when they change there.

fsspec knows the protocols (extra `remote`); credentials are its business, and messages show the address without them.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fittool.data.files import numbered
from fittool.errors import DataError, MachineError, StorageError, shown, visible

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[a-z0-9]+::")
_SECRET = re.compile(r"//[^/@]*@|\?.*")
_TIMES = (
    "mtime", "created", "LastModified", "Last-Modified", "last_modified", "updated", "date_time", "ETag", "etag", "CRC", "chksum",
)  # fmt: skip
_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_LISTING = ".listing.json"


def is_remote(written: str) -> bool:
    """True where a path is an address of another place."""
    return _ADDRESS.match(written) is not None


def local_copy(address: str) -> Path:
    """A file, a folder, or the files that a pattern stands for, as they are at the address now.

    What has the same name, size and time there as when it was copied is not copied again; what has no time is, each time.

    Raises:
        MachineError: The extra `remote`, or what it needs for this protocol, is not installed.
        DataError: Nothing is there, or it cannot be read.
        StorageError: The copy cannot be written.
    """
    try:
        import fsspec
    except ImportError:
        raise MachineError(f"{_show(address)} needs the extra remote: pip install 'fittool[remote]'") from None
    try:
        system, path = fsspec.core.url_to_fs(address)
        found = _find(system, path)
        if not found:
            raise DataError("There is nothing at this address.", place=_show(address))
        return _copy(system, path, found, _folder_of(address))
    except (DataError, StorageError):
        raise
    except ImportError as error:
        raise MachineError(f"{_show(address)}: {error}") from error
    except Exception as error:  # each protocol has errors of its own
        raise DataError(
            f"It cannot be read: {type(error).__name__}: {visible(str(error))[:200]}", place=_show(address)
        ) from error


def _find(system: Any, path: str) -> dict[str, list[Any]]:
    """Each file with what tells whether it changed; a name is taken as it stands before it is taken for a pattern."""
    if system.isdir(path):
        infos = system.find(path, detail=True)
    elif system.exists(path):
        infos = {path: system.info(path)}
    else:
        infos = {name: system.info(name) for name in _fitting(system, path)}
    return {name: [info.get("size"), [str(info[key]) for key in _TIMES if info.get(key)]] for name, info in infos.items()}


def _fitting(system: Any, path: str) -> list[str]:
    """The files that a pattern with `*`, `?`, `[…]` or `{000..127}` stands for."""
    names = numbered(path)
    if names == [path]:
        return list(system.glob(path)) if any(letter in path for letter in "*?[") else []
    missing = next((name for name in names if not system.exists(name)), None)
    if missing is not None:
        raise DataError("There is nothing at this address.", place=_show(missing))
    return names


def _copy(system: Any, path: str, found: dict[str, list[Any]], folder: Path) -> Path:
    root = path.rstrip("/") if system.isdir(path) else os.path.dirname(path)
    listing = folder / _LISTING
    known = _look_up(listing)
    for name in known.keys() - found.keys():
        # What is gone there would still be found in the folder here, and be trained on.
        _place(folder, root, name).unlink(missing_ok=True)
    for name, facts in found.items():
        target = _place(folder, root, name)
        if not (known.get(name) == facts and facts[1] and _has_size(target, facts[0])):
            with _put_in_place(target) as temporary:
                system.get_file(name, str(temporary))
    # Written last: after a kill on the way no file counts as copied that is not.
    with _put_in_place(listing) as temporary:
        temporary.write_text(json.dumps(found))
    return folder if system.isdir(path) else folder / os.path.basename(path)


def _look_up(listing: Path) -> dict[str, list[Any]]:
    """The files copied before; nothing where that is not known."""
    try:
        known = json.loads(listing.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _has_size(target: Path, size: int | None) -> bool:
    try:
        return target.stat().st_size == size or (size is None and target.exists())
    except OSError:
        return False


@contextmanager
def _put_in_place(target: Path) -> Iterator[Path]:
    """A new file beside the target, which takes its place after the block.

    Raises:
        StorageError: It cannot be written.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as error:
        raise _not_stored(error, target) from error
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.errno in _STORAGE:
            raise _not_stored(error, target) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _not_stored(error: OSError, target: Path) -> StorageError:
    cause = visible(error.strerror or str(error))
    text = f"cannot be written: {cause}. Free some space, or set XDG_CACHE_HOME to another folder."
    return StorageError(text, place=shown(target))


def _place(folder: Path, root: str, name: str) -> Path:
    """The local path of a file of the address; one that would lie elsewhere is refused."""
    target = Path(os.path.normpath(folder / name[len(root) :].lstrip("/")))
    if folder not in target.parents:
        raise DataError(f"{visible(name)} would be copied outside of the cache folder.")
    return target


def _folder_of(address: str) -> Path:
    from fittool.data.cache import cache_folder  # loads datasets, which load sources

    return cache_folder() / "remote" / hashlib.sha256(address.encode()).hexdigest()[:24]


def _show(address: str) -> str:
    """The address without what may be secret."""
    return visible(_SECRET.sub(lambda found: "//" if found[0].startswith("//") else "", address))
