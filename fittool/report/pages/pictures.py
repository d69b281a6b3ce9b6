"""Images as they can stand in a page."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

from numpy.typing import NDArray

from fittool.report.contact_sheet import limits_of, picture

_LEAST_SIDE, _MOST_SIDE = 64, 160


def as_addresses(images: NDArray[Any]) -> list[str]:
    """Images (N, H, W, C) as PNG files within addresses."""
    limits = limits_of(images)
    return [_address(image, limits) for image in images]


def _address(image: NDArray[Any], limits: tuple[float, float]) -> str:
    height, width = image.shape[:2]
    longest = max(height, width)
    factor = min(1.0, _MOST_SIDE / longest) if longest > _LEAST_SIDE else -(-_LEAST_SIDE // longest)
    file = BytesIO()
    picture(image, limits, (max(1, round(width * factor)), max(1, round(height * factor)))).save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
