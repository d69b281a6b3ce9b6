"""What a run's files say of its past: what was set and learnt from, where its time went, and what it was warned of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Train
from fittool.config.yaml.file_references import input_files
from fittool.data.input_facts import in_words
from fittool.experiment.trained_run import TrainedRun

_SET = "--set"
_PARTS = {"train": "to train", "validation": "to validate"}


def warnings_in(log: str) -> list[str]:
    """The warnings in a run's log, each once."""
    lines = (line.partition(" ")[2] for line in log.splitlines())
    return list(dict.fromkeys(line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")))


def overrides_in(environment: Mapping[str, Any]) -> list[str]:
    """What the command lines set, of the beginning and of each time that the run went on."""
    commands = [environment.get("command", []), *(one.get("command", []) for one in environment.get("resumed", []))]
    return list(dict.fromkeys(text for command in commands for text in _set_by(command)))


def _set_by(command: Sequence[str]) -> Iterator[str]:
    words = iter(map(str, command))
    for word in words:
        if word == _SET:
            yield next(words, "")
        elif word.startswith(f"{_SET}="):
            yield word.removeprefix(f"{_SET}=")


def settings_of(loaded: LoadedExperiment) -> str:
    """What differs from the defaults, as YAML; of files only their names, as a page tells nobody where on a machine they lie."""
    text = loaded.resolved_yaml(defaults=False)
    for path in sorted(input_files(loaded.root, loaded.resolved), key=len, reverse=True):
        if os.path.isabs(path):
            text = text.replace(path, os.path.basename(os.path.normpath(path)))
    return text


def data_told(run: TrainedRun, environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Sources, samples and inputs, each with its name."""
    data, told = run.loaded.experiment.data, []
    for part, source in (("training data", data.train), ("validation data", data.validation)):
        if source is not None:
            told.append((part, _source(run.loaded, "train" if source is data.train else "validation")))
    counts = environment.get("samples", {})
    told.append(("samples", ", ".join(f"{count:,} {_PARTS.get(part, part)}" for part, count in counts.items())))
    facts = [fact for fact in run.inputs or () if fact.is_image or run.encoder is None]
    told += [("inputs", text.removeprefix("inputs: ")) for text in in_words(facts)]
    return [(name, text) for name, text in told if text]


def _source(loaded: LoadedExperiment, section: str) -> str:
    """The kind of a source and the names of its files."""
    written = loaded.resolved["data"].get(section)
    if not isinstance(written, dict) or not written:
        return ""
    ((kind, arguments),) = list(written.items())[:1]
    if not isinstance(arguments, dict):
        return str(kind)
    paths = [value for value in arguments.values() if isinstance(value, str) and os.path.isabs(value)]
    names = ", ".join(os.path.basename(os.path.normpath(path)) for path in paths)
    if kind == "split":
        return f"a part of the training data ({', '.join(f'{key} {value}' for key, value in arguments.items() if value)})"
    return f"{kind}: {names}" if names else str(kind)


def columns_told(run: TrainedRun) -> list[tuple[str, ...]]:
    """Name, kind, gaps, number of different values, and the reason for the kind, of each column of a table."""
    columns = () if run.encoder is None else run.encoder.columns
    return [
        (one.name, one.kind, f"{one.facts.gaps:,}", f"{one.facts.distinct:,}", f"{one.facts.why}; {one.note}".removesuffix("; "))
        for one in columns
    ]


def last_epoch(experiment: Experiment) -> int:
    """The number of the last epoch, if no stage ends early."""
    return experiment.first.initial_epoch + sum((one.epochs or 0) - one.initial_epoch for one in experiment.stages)


def times_of(experiment: Experiment, rows: Sequence[Mapping[str, Any]], samples: int | None) -> list[tuple[str, float]]:
    """The parts of all finished epochs with the seconds that they took; those of each stage of a training apart.

    Args:
        experiment: Says how many samples an epoch has.
        rows: Of the epochs.
        samples: The number of training samples, or None where nobody knows.
    """
    stages = list(dict.fromkeys(row.get("stage") for row in rows))
    told: list[tuple[str, float]] = []
    for stage in stages:
        own = [row for row in rows if row.get("stage") == stage]
        setting = _setting_of(experiment, stage)
        parts = _parts(own, _examples(setting, samples))
        told += [(name if len(stages) == 1 else f"{stage}: {name}", seconds) for name, seconds in parts]
    return told


def _setting_of(experiment: Experiment, stage: object) -> Train:
    """The settings of the stage that rows call so: by its name, or else its number."""
    named = {str(getattr(one, "name", None) or number): one for number, one in enumerate(experiment.stages, 1)}
    return named.get(str(stage), experiment.first)


def _examples(train: Train, samples: int | None) -> int | None:
    """The samples of an epoch."""
    if isinstance(train.steps_per_epoch, int):
        return train.steps_per_epoch * train.batch_size
    return samples


def _parts(rows: Sequence[Mapping[str, Any]], examples: int | None) -> list[tuple[str, float]]:
    """Waiting for data, training steps, and what comes after them in an epoch, which is mostly the validation."""
    total = _sum(rows, "seconds")
    waited = _sum(rows, "data_seconds")
    if examples is None or not all(row.get("examples_per_second") for row in rows):
        return [("waiting for data", waited), ("all else", max(total - waited, 0.0))]
    trained = min(sum(examples / float(row["examples_per_second"]) for row in rows), total)
    waited = min(waited, trained)
    validated = total - trained if any(name.startswith("val_") for row in rows for name in row) else 0.0
    return [("training steps", trained - waited), ("waiting for data", waited), ("validation", validated)]


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(float(row.get(name) or 0) for row in rows)
