"""How much slower the other fill modes are than the classic example's `nearest`."""

from __future__ import annotations

from tests.benchmarks.augmentation import our_rate
from tests.benchmarks.measuring import Figure, side_by_side


def figures(turns: int) -> list[Figure]:
    found = []
    for side in (32, 224):
        modes = ("nearest", "constant", "reflect", "wrap")
        rates = side_by_side({mode: our_rate("uint8", side, fill_mode=mode) for mode in modes}, turns)
        found += [
            Figure(
                f"{mode} against nearest, {side}x{side}", rates[mode] / rates["nearest"], 0.7, note=f"{rates[mode]:,.0f} images/s"
            )
            for mode in modes[1:]
        ]
    return found
