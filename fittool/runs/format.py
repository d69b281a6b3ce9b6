"""The number of the format in which checkpoints and environment.json are written, and what older numbers mean.

A release raises it where older ones could not read what it writes, or would train on otherwise; it reads all older ones.

1. fittool 0.1.0: random numbers of a layer are keyed by the operation that draws them, so an activation before it counts.
2. fittool 0.2.0: they are keyed by the layer's number among the layers that draw (`fittool/nn/random_stream.py`); a loss that
   meets its activation is computed from the logits behind it (`fittool/nn/objectives.py`); moments that are next to nothing
   become 0 (`fittool/nn/optimizers.py`), which changes no weight, but the bytes that the optimizer keeps; layers that begin to
   learn late count their own updates (`fittool/engines/update_counts.py`).
"""

from __future__ import annotations

from fittool.errors import visible
from fittool.version import __version__

FORMAT = 2
"""The format that is written."""
FIRST_FORMAT = 1
"""That of an environment.json without a number."""
_TODAYS_NUMBERS = 2


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


def cause_of_other_numbers(
    number: int, *, is_random: bool, is_from_logits: bool, has_late_layers: bool = False, has_faded_moments: bool = False
) -> str | None:
    """The reason why a training that was saved in a format cannot go on exactly, for a sentence; None where it can.

    Args:
        number: The format.
        is_random: Whether layers of the network draw random numbers.
        is_from_logits: Whether a loss is computed from the logits behind the activation of an output.
        has_late_layers: Whether layers begin to learn in a later stage, with an optimizer that goes by their updates.
        has_faded_moments: Whether bytes are compared with those of an optimizer that holds moments next to nothing.
    """
    if number >= _TODAYS_NUMBERS:
        return None
    causes = [_OTHER_RANDOM_NUMBERS] * is_random + [_OTHER_LOSS] * is_from_logits
    causes += [_OTHER_COUNTS] * has_late_layers + [_OTHER_MOMENTS] * has_faded_moments
    return f"since 0.2.0 {' and '.join(causes)}" if causes else None


_OTHER_RANDOM_NUMBERS = "the random numbers of layers (dropout, noise) are keyed differently"
_OTHER_LOSS = "softmax or sigmoid with its crossentropy is computed from the logits"
_OTHER_COUNTS = "layers that begin to learn late have updates counted for them alone"
_OTHER_MOMENTS = "moments of the optimizer that are next to nothing become 0"
OLDER_RELEASE = "pip install fittool==0.1.0"
"""Gets the release with which it can."""
