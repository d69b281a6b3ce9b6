"""Classes that are completed when they are first used: to describe every layer there is takes longer than to check a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_COMPLETED_NAMES = (
    "__dataclass_fields__",
    "__dataclass_params__",
    "__get_pydantic_core_schema__",
    "__match_args__",
    "__pydantic_config__",
    "__pydantic_decorators__",
    "__pydantic_fields__",
)
"""What a completed class has of its own, and pydantic, dataclasses and inspect look for; a base's would be wrong."""


class CompletedAtFirstUse(type):
    """The class of classes whose making may wait (`wait_for_use`)."""

    def __call__(cls, *args: Any, **named: Any) -> Any:
        """Make an object."""
        complete(cls)
        return super().__call__(*args, **named)


class _Waiting:
    """Stands in a class for an attribute that it will have once it is complete."""

    def __init__(self, name: str, completion: Callable[[type], type]) -> None:
        self.name = name
        self.completion = completion

    def __get__(self, instance: object, owner: type) -> Any:
        """Complete the class, and answer with the attribute."""
        complete(owner)
        return getattr(owner, self.name)


def wait_for_use(cls: type, completion: Callable[[type], type]) -> bool:
    """Put off the completion of a class, which changes the class itself, until somebody needs it; False where it cannot wait."""
    if not isinstance(cls, CompletedAtFirstUse):
        return False
    for name in _COMPLETED_NAMES:
        setattr(cls, name, _Waiting(name, completion))
    return True


def complete(cls: type) -> None:
    """Complete a class that waits for its first use, and those that it extends."""
    for one in reversed(cls.__mro__):
        waiting = vars(one).get(_COMPLETED_NAMES[0])
        if isinstance(waiting, _Waiting):
            for name in _COMPLETED_NAMES:
                delattr(one, name)
            waiting.completion(one)


class DescribedLater(metaclass=CompletedAtFirstUse):
    """Mixed into sections that most files do without, and into what only some settings hold."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Come out of a pickle, perhaps as the first object of the class in this process."""
        complete(type(self))
        self.__dict__.update(state)
