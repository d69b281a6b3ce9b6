"""The engines as an experiment names them: descriptions alone, so that reading an experiment loads none of them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fittool.settings import Family, Field, Integer, Named, setting


@setting
class EngineSetting(Named):
    """The engine that executes the steps."""

    can_share: ClassVar[bool] = False
    """True where several processes can train one network together."""

    threads: Annotated[Integer, Field(ge=1, le=1024)] | None = Field(
        default=None,
        description="Threads to compute with; by default OMP_NUM_THREADS, else all that the process may use. Results do not "
        "depend on it.",
    )


@setting
class Numpy(EngineSetting):
    """NumPy on the processor: trains without any framework."""

    @classmethod
    def public_name(cls) -> str:
        """`numpy`, as the library writes itself."""
        return "numpy"


ENGINES: Family[EngineSetting] = Family("engine", {"numpy": Numpy}, {"auto": "numpy"})
