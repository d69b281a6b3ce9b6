"""Data at an address such as `s3://bucket/photos`: copied once into the cache folder, and again when they change there.

fsspec knows the protocols (extra `remote`); credentials are its business, and messages show the address without them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from fittool.errors import DataError, MachineError, visible

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[a-z0-9]+::")
_SECRET = re.compile(r"//[^/@]*@|\?.*")
_TIMES = ("mtime", "LastModified", "created", "ETag")
_LISTING = ".listing.json"


def is_remote(written: str) -> bool:
    """Whether a path is an address of another place."""
    return _ADDRESS.match(written) is not None


def local_copy(address: str) -> Path:
    """A file, a folder, or the files that a pattern stands for, as they are at the address now.

    What has the same name, size and time there as when it was copied is not copied again.

    Raises:
        MachineError: The extra `remote`, or what it needs for this protocol, is not installed.
        DataError: Nothing is there, or it cannot be read.
    """
    try:
        import fsspec
    except ImportError:
        raise MachineError(f"{_shown(address)} needs the extra remote: pip install 'fittool[remote]'") from None
    try:
        system, path = fsspec.core.url_to_fs(address)
        found = _found(system, path)
        if not found:
            raise DataError("There is nothing at this address.", place=_shown(address))
        return _copied(system, path, found, _folder_of(address))
    except DataError:
        raise
    except ImportError as error:
        raise MachineError(f"{_shown(address)}: {error}") from error
    except Exception as error:  # each protocol has errors of its own
        raise DataError(
            f"It cannot be read: {type(error).__name__}: {visible(str(error))[:200]}", place=_shown(address)
        ) from error


def _found(system: Any, path: str) -> dict[str, list[Any]]:
    """Each file with what tells whether it changed."""
    if any(letter in path for letter in "*?["):
        names = {name: system.info(name) for name in system.glob(path)}
    elif system.isdir(path):
        names = system.find(path, detail=True)
    else:
        names = {path: system.info(path)} if system.exists(path) else {}
    return {name: [info.get("size"), str(next(filter(None, map(info.get, _TIMES)), ""))] for name, info in names.items()}


def _copied(system: Any, path: str, found: dict[str, list[Any]], folder: Path) -> Path:
    root = path.rstrip("/") if system.isdir(path) else os.path.dirname(path)
    listing = folder / _LISTING
    known = json.loads(listing.read_text()) if listing.exists() else {}
    for name in known.keys() - found.keys():
        _place(folder, root, name).unlink(missing_ok=True)
    for name, facts in found.items():
        target = _place(folder, root, name)
        if known.get(name) != facts or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
            system.get_file(name, str(temporary))
            os.replace(temporary, target)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = listing.with_name(f"{_LISTING}.{os.getpid()}")
    temporary.write_text(json.dumps(found))
    os.replace(temporary, listing)
    return folder if system.isdir(path) else folder / os.path.basename(path)


def _place(folder: Path, root: str, name: str) -> Path:
    """Where a file of the address lies here; one that would lie elsewhere is refused."""
    target = Path(os.path.normpath(folder / name[len(root) :].lstrip("/")))
    if folder not in target.parents:
        raise DataError(f"{visible(name)} would be copied outside of the cache folder.")
    return target


def _folder_of(address: str) -> Path:
    from fittool.data.cache import cache_folder  # loads datasets, which load sources

    return cache_folder() / "remote" / hashlib.sha256(address.encode()).hexdigest()[:24]


def _shown(address: str) -> str:
    """The address without what may be secret."""
    return visible(_SECRET.sub(lambda found: "//" if found[0].startswith("//") else "", address))
