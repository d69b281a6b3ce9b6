"""What holds for all tests."""

from __future__ import annotations

from listening import hear_signals

hear_signals()
