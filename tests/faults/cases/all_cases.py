"""All tables together."""

from __future__ import annotations

from faults.cases import arrays, checkpoints, experiments, images, machine, names, tables, workers
from faults.cases.runner import Case

CASES: tuple[Case, ...] = (
    *experiments.CASES,
    *images.CASES,
    *arrays.CASES,
    *tables.CASES,
    *workers.CASES,
    *checkpoints.CASES,
    *names.CASES,
    *machine.CASES,
)
