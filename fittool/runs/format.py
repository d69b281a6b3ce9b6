"""The number of the format in which checkpoints and environment.json are written, and what older numbers mean.

A release raises it where older ones could not read what it writes, or would train on otherwise; it reads all older ones.

1. fittool 0.1.0: random numbers of a layer are keyed by the operation that draws them, so an activation before it counts.
2. fittool 0.2.0: they are keyed by the layer's number among the layers that draw (`fittool/nn/random_stream.py`).
"""

from __future__ import annotations

from fittool.errors import visible
from fittool.version import __version__

FORMAT = 2
"""The format that is written."""
FIRST_FORMAT = 1
"""That of an environment.json without a number."""
_KEYED_BY_LAYER = 2


def refusal_of_newer(number: int, version: str) -> str | None:
    """The sentence that refuses a file of a newer format, without its full stop; None where this fittool reads it.

    Args:
        number: The file's format.
        version: The fittool that wrote it.
    """
    if number <= FORMAT:
        return None
    writer = f"fittool {visible(version)} in format {number}"
    return f"was written by {writer}; this is {__version__}, which reads up to format {FORMAT}: upgrade"


def has_other_random_numbers(number: int) -> bool:
    """True where layers drew other random numbers in a run of this format than they would now."""
    return number < _KEYED_BY_LAYER


OTHER_RANDOM_NUMBERS = "since 0.2.0 the random numbers of layers (dropout, noise) are keyed differently"
"""The reason why a training that 0.1.0 began cannot go on exactly."""
OLDER_RELEASE = "pip install fittool==0.1.0"
"""Gets the release with which it can."""
