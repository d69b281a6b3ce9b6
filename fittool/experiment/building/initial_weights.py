"""A new training from old weights: which of them fit the network, and which do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.config.experiment_file import LoadedExperiment
from fittool.engines.state import HasForm
from fittool.errors import CheckpointError, shown, visible
from fittool.model.network import Network
from fittool.runs.checkpoint import Checkpoint, load_checkpoint
from fittool.runs.directory import RunDirectory

_SHOWN = 5
_KIND = "weights/"


@dataclass(frozen=True)
class Match:
    """Old weights against a network's.

    Attributes:
        loaded: Names that are in both, with the same shape.
        skipped: What of the old ones does not fit, each with the reason.
        missing: Names of the network that keep their random values.
    """

    loaded: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """True where everything fits."""
        return not self.skipped and not self.missing

    def lines(self, source: str) -> list[str]:
        """The arrays that were loaded, skipped and missing, for people."""
        count = len(self.loaded)
        lines = [f"Initial weights from {source}: {count:,} {'array' if count == 1 else 'arrays'} loaded."]
        lines += [f"Skipped: {_as_list(self.skipped)}."] if self.skipped else []
        return lines + ([f"Missing, so as drawn from the seed: {_as_list(self.missing)}."] if self.missing else [])


def start_from(loaded: LoadedExperiment, network: Network) -> list[str]:
    """Put the experiment's initial weights into a network.

    Returns:
        What was loaded, skipped and missing, in lines; empty where the experiment names none.

    Raises:
        CheckpointError: There are no such weights, or with `strict` one does not fit; names the first five.
    """
    setting = loaded.experiment.initial_weights
    if setting is None:
        return []
    checkpoint = _find(loaded, Path(setting.from_))
    old = {name: array for name, array in checkpoint.tensors.items() if name.startswith(_KIND)}
    own = network.describe()
    match = matched(old, own)
    if setting.strict and not match.complete:
        wrong = [*match.skipped, *(f"{name} is missing" for name in match.missing)]
        text = f"The weights in {shown(checkpoint.path)} do not fit the network: {_as_list(wrong)}."
        problem = loaded.problem(f"{text} With strict: false they are left out.", "initial_weights", "from")
        raise CheckpointError(problem)
    network.load({name: old[name].astype(own[name].dtype) for name in (f"{_KIND}{short}" for short in match.loaded)})
    return match.lines(shown(checkpoint.path))


def matched(old: Mapping[str, HasForm], own: Mapping[str, HasForm]) -> Match:
    """Compare names and shapes.

    Args:
        old: The weights there are, by `weights/<layer>/<name>`.
        own: The network's.
    """
    fits = [name for name in own if name in old and old[name].shape == own[name].shape]
    skipped = [
        f"the network has no {_short(name)}"
        if name not in own
        else f"{_short(name)} has shape {array.shape}, the network's {own[name].shape}"
        for name, array in old.items()
        if name not in fits
    ]
    return Match(tuple(map(_short, fits)), tuple(skipped), tuple(_short(name) for name in own if name not in old))


def _find(loaded: LoadedExperiment, path: Path) -> Checkpoint:
    try:
        if not path.exists():
            raise CheckpointError("There is no such run or file.", place=shown(path))
        return RunDirectory.open(path).checkpoints.load_best()[0] if path.is_dir() else load_checkpoint(path)
    except CheckpointError as error:
        problem = loaded.problem(f"initial_weights cannot be read: {error}", "initial_weights", "from")
        raise CheckpointError(problem) from error


def _short(name: str) -> str:
    return visible(name.removeprefix(_KIND))


def _as_list(items: Any) -> str:
    more = f"; and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return "; ".join(items[:_SHOWN]) + more
