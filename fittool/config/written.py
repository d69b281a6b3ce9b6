"""An experiment as it was written: its settings, and where in the file each stands."""

from __future__ import annotations

from dataclasses import dataclass

from fittool.config.experiment import Experiment
from fittool.config.sections import Train
from fittool.config.yaml.source_map import Node, Place, Placed, find
from fittool.errors import KeyPath


@dataclass(frozen=True)
class Written:
    """An experiment together with the tree it came from.

    Attributes:
        experiment: The settings; a default stands for each that was wrong.
        root: The file's tree, without those.
        wrong: The settings that were wrong: nothing may be concluded from their defaults.
    """

    experiment: Experiment
    root: Node
    wrong: frozenset[KeyPath] = frozenset()

    def is_known(self, *path: str | int) -> bool:
        """True where nothing at a key path, around it or below it was wrong."""
        return not any(one[: len(path)] == path[: len(one)] for one in self.wrong)

    def knows_mode(self, stage: Train) -> bool:
        """True where the mode of a stage is what its user wants."""
        return self.is_known(*self.experiment.path_of(stage), "mode")

    @property
    def knows_modes(self) -> bool:
        """True where the modes of all stages are what their user wants."""
        return all(map(self.knows_mode, self.experiment.stages))

    def node(self, *path: str | int) -> Node | None:
        """The node at a key path, or None where the file does not have it."""
        node, depth = find(self.root, path)
        return node if depth == len(path) else None

    def place(self, *path: str | int) -> Place:
        """The place of the setting, or of the nearest thing around it that was written."""
        return find(self.root, path)[0].best_place

    def said(self, *path: str | int) -> str:
        """The place of a setting, for a sentence about another one; or that it is the default."""
        return f"at {self.place(*path)}" if self.node(*path) is not None else "by default"

    def problem(self, path: KeyPath, text: str) -> Placed:
        """A problem with the setting at a key path."""
        return Placed(self.place(*path), text, path)

    @property
    def validates(self) -> bool:
        """True where there are, or may be meant to be, validation data."""
        path = self.experiment.path_of(self.experiment.first)
        known = self.is_known("data", "validation") and self.is_known(*path, "validation_split")
        return not known or validates(self.experiment)


def validates(experiment: Experiment) -> bool:
    """True where there are validation data."""
    first = experiment.first
    return experiment.data.validation is not None or first.validation_split > 0 or first.overfit_batches is not None
