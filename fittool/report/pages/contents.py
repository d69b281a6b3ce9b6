"""What the page of a run shows, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from fittool.runs.listing.summary import RunSummary


@dataclass(frozen=True)
class Mistake:
    """A sample with a wrong answer.

    Attributes:
        name: The sample.
        answers: What is true and what was predicted, classes or numbers as text.
        certainty: The probability of the predicted class, or how far the number is off.
        values: Its only input (…), or None where it has several.
    """

    name: str
    answers: tuple[str, str]
    certainty: float
    values: NDArray[Any] | None


@dataclass(frozen=True)
class RunReport:
    """Everything that a report shows.

    Attributes:
        name: The experiment's.
        summary: State, best value, epochs, seconds, size.
        rows: Of all epochs.
        evaluation: As in evaluation.json; None where the run cannot be measured here and has kept none.
        layers: Name, kind, output shape, parameters and FLOPs of each layer, as text.
        sums: Parameters and FLOPs of the whole network, in a sentence.
        environment: The content of environment.json.
        settings: What differs from the defaults, as YAML.
        warnings: Those of the run's log.
        notes: What could not be done.
        mistakes: The worst.
        importance: Of columns: what is lost, and by which column how much.
        points: Of one number to predict, (true, predicted) of some samples.
    """

    name: str
    summary: RunSummary
    rows: Sequence[Mapping[str, Any]]
    evaluation: dict[str, Any] | None
    layers: Sequence[tuple[str, ...]]
    sums: str
    environment: dict[str, Any]
    settings: str
    warnings: list[str]
    notes: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    importance: tuple[str, list[tuple[str, float]]] | None = None
    points: list[tuple[float, float]] = field(default_factory=list)
