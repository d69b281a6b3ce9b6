"""Members of families whose modules are imported when somebody asks for one of them: a file names a dozen of two hundred."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

T = TypeVar("T")
V = TypeVar("V")

Homes = Mapping[str, tuple[str, str]]
"""For each name the module that has a class, and the class's own name there."""


class OnDemand(Mapping[str, type[T]], Generic[T]):
    """Classes by name, each imported when it is asked for.

    Args:
        homes: Where each is.
        here: Further ones that are there already.
    """

    def __init__(self, homes: Homes, here: Mapping[str, type[T]] | None = None) -> None:
        self.homes = dict(homes)
        self.here = dict(here or {})

    def __getitem__(self, name: str) -> type[T]:
        """A class; its module is imported now."""
        if name in self.here:
            return self.here[name]
        module, attribute = self.homes[name]
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]

    def __contains__(self, name: object) -> bool:
        """True for a known name; nothing is imported."""
        return name in self.homes or name in self.here

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter((*self.homes, *self.here))

    def __len__(self) -> int:
        """The number of classes."""
        return len(self.homes) + len(self.here)

    def __or__(self, more: Mapping[str, type[Any]]) -> OnDemand[Any]:
        """These and further ones, which are there already."""
        return OnDemand(self.homes, {**self.here, **more})

    def imported(self) -> tuple[type[T], ...]:
        """The classes whose modules are imported: of no other one can there be an object."""
        found = ((sys.modules.get(module), attribute) for module, attribute in self.homes.values())
        classes = (getattr(module, attribute, None) for module, attribute in found)
        return (*(cls for cls in classes if cls is not None), *self.here.values())


class ByClass(Mapping[type[Any], V], Generic[V]):
    """Values by class, written by the classes' names, so that those that nobody asks for are not imported.

    Args:
        members: The classes.
        values: For each name, or some of them, a value.
    """

    def __init__(self, members: Mapping[str, type[Any]], values: Mapping[str, V]) -> None:
        self._members = members
        self._values = dict(values)

    def __getitem__(self, cls: type[Any]) -> V:
        """The value of a class."""
        if cls not in self:
            raise KeyError(cls)
        return self._values[cls.__name__]

    def __contains__(self, cls: object) -> bool:
        """True for a class that has a value; no other one is imported."""
        name = getattr(cls, "__name__", None)
        return name in self._values and self._members[str(name)] is cls

    def __iter__(self) -> Iterator[type[Any]]:
        """The classes, all of them imported now."""
        return (self._members[name] for name in self._values)

    def __len__(self) -> int:
        """The number of classes that have a value."""
        return len(self._values)


def homes_in(package: str, modules: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The home of each class of a package.

    Args:
        package: Its dotted name.
        modules: For each class its module in the package.
    """
    return {name: (f"{package}.{module}", name) for name, module in modules.items()}


def import_from_home(package: str, homes: Homes, name: str) -> object:
    """A name of a package whose classes are imported when they are asked for (PEP 562); kept there from then on.

    Raises:
        AttributeError: It has no such name.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    module, attribute = homes[name]
    value: object = getattr(import_module(module), attribute)
    setattr(sys.modules[package], name, value)
    return value
