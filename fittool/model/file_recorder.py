"""Saves what callbacks ask for, where there is no run directory: whole models or their weights, to files of any name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fittool.callbacks.control import Kind
from fittool.callbacks.snapshot import Snapshot
from fittool.runs.checkpoint import CheckpointFacts, save_checkpoint
from fittool.runs.files.atomic import make_folder
from fittool.training.recording.recorder import NullRecorder


class FileRecorder(NullRecorder):
    """The recorder of a `fit` in Python.

    Args:
        facts: What a file says about the model, at an epoch (the number of finished ones since the model was made).
    """

    def __init__(self, facts: Callable[[Snapshot], CheckpointFacts]) -> None:
        self._facts = facts

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Save a model or its weights to a file, relative to the working directory."""
        if path is None:
            return
        weights_only = kind == "weights"
        tensors = {name: array for name, array in snapshot.tensors.items() if not weights_only or name.startswith("weights/")}
        make_folder(Path(path).parent)
        save_checkpoint(Path(path), tensors, self._facts(snapshot))
