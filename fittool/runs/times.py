"""Points in time as a run writes them: UTC, to the second."""

from __future__ import annotations

import time


def utc_text() -> str:
    """The present as in `2026-11-22T23:15:01Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def utc_stamp() -> str:
    """The present as in `20261122-231501`, for names of directories."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())
