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
class Seen:
    """Some training samples as they come to the network.

    Attributes:
        told: What is shown.
        pictures: The class or name of each sample with its images (H, W, C): as it is, then as further epochs change it.
        samples: The class or name of each sample, where they are rows of numbers.
        rows: The name of each number with that of each sample.
        scaled: What the network's own first layers make of the values, in a sentence; "" where they do nothing.
    """

    told: str
    pictures: Sequence[tuple[str, Sequence[NDArray[Any]]]] = ()
    samples: Sequence[str] = ()
    rows: Sequence[tuple[str, Sequence[float]]] = ()
    scaled: str = ""


@dataclass(frozen=True)
class Importance:
    """What each column of a table is worth to the network.

    Attributes:
        what: What is lost: `accuracy lost` or `R² lost`.
        samples: On how many samples it was tried.
        repeats: How often each column was shuffled.
        rows: Name, mean loss and its standard deviation of each column, the most first.
    """

    what: str
    samples: int
    repeats: int
    rows: Sequence[tuple[str, float, float]]


@dataclass(frozen=True)
class RunReport:
    """Everything that a report shows.

    Attributes:
        name: The experiment's.
        summary: State, best value, epochs, seconds, size.
        epochs: The number of the last epoch that was to be.
        rows: Of all epochs.
        evaluation: As in evaluation.json; None where the run cannot be measured here and has kept none.
        layers: Name, kind, output shape, parameters and FLOPs of each layer, as text.
        sums: Parameters and FLOPs of the whole network, in a sentence.
        environment: The content of environment.json.
        settings: What differs from the defaults, as YAML.
        overrides: What the command line set.
        data: What was learnt from: names and texts.
        columns: Of a table, the name, kind, gaps, number of different values, and why it has that kind, of each column.
        times: The parts of a training with the seconds that they took.
        warnings: Those of the run's log.
        notes: What could not be done.
        mistakes: The worst.
        importance: Of the columns of a table.
        seen: Training samples as they come to the network.
        points: Of one number to predict, (true, predicted) of some samples.
    """

    name: str
    summary: RunSummary
    epochs: int
    rows: Sequence[Mapping[str, Any]]
    evaluation: dict[str, Any] | None
    layers: Sequence[tuple[str, ...]]
    sums: str
    environment: dict[str, Any]
    settings: str
    overrides: Sequence[str]
    data: Sequence[tuple[str, str]]
    columns: Sequence[tuple[str, ...]]
    times: Sequence[tuple[str, float]]
    warnings: list[str]
    notes: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    importance: Importance | None = None
    seen: Seen | None = None
    points: list[tuple[float, float]] = field(default_factory=list)
