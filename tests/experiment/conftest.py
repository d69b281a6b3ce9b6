"""The fixtures that all tests of commands share."""

from __future__ import annotations

from cli.commands import fittool, folder, pictures, small, start, write

__all__ = ["fittool", "folder", "pictures", "small", "start", "write"]
