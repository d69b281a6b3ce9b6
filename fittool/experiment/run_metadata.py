"""The record that a run's directory keeps of its beginning, and of each time that it went on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from fittool.callbacks.snapshot import Position
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.registry import kernels_in_use, resolve_engine
from fittool.experiment.building.data import Data
from fittool.experiment.building.prepare import Prepared
from fittool.experiment.options import TrainOptions
from fittool.experiment.results.validated import validated_samples
from fittool.experiment.resuming.changes import counting_settings
from fittool.runs import latest
from fittool.runs.columns_file import write_columns
from fittool.runs.directory import RunDirectory, digest_of
from fittool.runs.environment import describe_environment
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json
from fittool.runs.status import utc_text

# Another fittool that computes otherwise has another format.
_DECIDE_DIGITS = ("arithmetic", "versions.numpy", "engine", "processes", "kernels")
_NOT_COMPARED = ("run", "format", "experiment", "command", "resumed", "git_commit", "seed")
SAMPLES_FORM = 1
"""Raised where the same data are read as other samples than before, so that no older run seems to have lost its data."""
Changed = dict[str, tuple[Any, Any]]
"""By dotted key: what was, and what is."""


def environment_of(prepared: Prepared, threads: int, options: TrainOptions) -> dict[str, Any]:
    """Everything for environment.json but the run's id."""
    experiment = prepared.loaded.experiment
    described = describe_environment(
        engine=resolve_engine(prepared.engine).public_name(),
        threads=threads,
        seed=experiment.seed,
        data=prepared.fingerprints,
        command=options.command,
    )
    own = {"train": prepared.train, "validation": prepared.validation}
    known = {"samples": samples_of(prepared), "sample_fingerprints": sample_fingerprints(own)}
    path = kernels_in_use(prepared.engine)
    digits = {"arithmetic": arithmetic(), "processes": options.group.size} | ({} if path is None else {"kernels": path})
    return described | known | digits


def identity_of(prepared: Prepared) -> dict[str, str]:
    """Hashes that tell an experiment's training from others; more epochs are no other training."""
    settings = counting_settings(prepared.loaded.resolved_with(prepared.written))
    seed = settings.pop("seed", 0)
    return {"experiment": _hash(settings), "data": _hash(prepared.fingerprints), "seed": str(seed)}


def _hash(data: object) -> str:
    return hashlib.sha256(to_json(data)).hexdigest()


def samples_of(prepared: Prepared) -> dict[str, int]:
    """The number of samples of each part of the data that can be counted."""
    parts = {"train": prepared.train, "validation": prepared.validation}
    return {name: len(data) for name, data in parts.items() if data is not None and not isinstance(data, GeneratorData)}


def sample_fingerprints(parts: Mapping[str, Data | None]) -> dict[str, str]:
    """The fingerprint of each part that has one, `1:SHA-256`: of the samples and their order, whatever holds them.

    Unlike `Prepared.fingerprints` it can be told from data that are only opened, and not brought into memory.
    """
    return {
        name: f"{SAMPLES_FORM}:{data.fingerprint_of(np.arange(len(data)))}"
        for name, data in parts.items()
        if data is not None and not isinstance(data, GeneratorData)
    }


def write_beginning(prepared: Prepared, directory: RunDirectory, environment: Mapping[str, Any]) -> None:
    """Write what must be on disk before the first batch; the environment last, which makes it a run."""
    write_experiment(prepared, directory)
    directory.write_environment({**environment, "experiment": [digest_of(directory.read_experiment())]})
    if directory.path.name == directory.id:  # a place of the user's own choice has no `latest` beside it
        latest.point_to(directory.paths.root)


def write_experiment(prepared: Prepared, directory: RunDirectory) -> None:
    """The resolved experiment where it is not written yet, and what the data gave."""
    text = text_of_experiment(prepared)
    if not directory.paths.experiment.exists() or directory.read_experiment() != text:
        directory.write_experiment(text)
    if prepared.class_names is not None:
        directory.write_classes(prepared.class_names)
    directory.write_inputs([fact.plain() for fact in prepared.inputs])
    if prepared.encoder is not None:
        write_columns(directory, prepared.encoder.plain())
    if prepared.skipped:
        directory.write_skipped(prepared.skipped)
    if prepared.validation is not None and not isinstance(prepared.validation, GeneratorData):
        atomic_write(directory.paths.validation, [validated_samples(prepared.validation, prepared.class_names)])


def text_of_experiment(prepared: Prepared) -> str:
    """The content of experiment.yaml."""
    return prepared.loaded.resolved_yaml(prepared.written)


def known_data(environment: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The data that a run last went on with.

    Returns:
        By part: `data`, the fingerprint of what was trained on, `samples`, the amount, and `sample_fingerprints`, which runs of
        0.1.0 do not have.
    """
    known = {name: dict(environment.get(name, {})) for name in ("data", "samples", "sample_fingerprints")}
    for key, (_, new) in _news(environment).items():
        name, _, part = key.partition(".")
        if name in known:
            known[name][part] = new
    return known


def _news(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The last change of each key, of all times that the run went on."""
    return {key: pair for time in environment.get("resumed", []) for key, pair in time["changed"].items()}


def kernels_of(environment: Mapping[str, Any]) -> str | None:
    """The path of the NumPy engine on which a run last went on; None where there was no choice."""
    path = _news(environment).get("kernels", environment.get("kernels"))
    return path if isinstance(path, str) else None


def engine_of(environment: Mapping[str, Any]) -> str:
    """The engine on which a run last went on, by its name."""
    return str(_news(environment).get("engine", environment.get("engine")))


def changes_of_environment(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changed:
    """The differences from when the run last went on."""
    old = dict(_leaves(before))
    old |= {key: new for key, (_, new) in _news(before).items()}
    new = dict(_leaves(now))
    if old.get("engine") == "numpy":
        old.setdefault("kernels", "numpy")  # runs of releases that had no others do not say it
    return {key: (old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)}


def write_continuation(
    directory: RunDirectory, before: Mapping[str, Any], now: Mapping[str, Any], at: Position, experiment: str
) -> None:
    """Append to environment.json when, where and on what the run went on, and with which experiment."""
    changed = {key: list(pair) for key, pair in changes_of_environment(before, now).items()}
    time = {"at": utc_text(), "epoch": at.epoch, "step": at.step, "command": now["command"], "changed": changed}
    # Both experiments are known, so that a kill before the new one is written leaves nothing that seems edited.
    known = dict.fromkeys((digest_of(directory.read_experiment()), digest_of(experiment)))
    directory.write_environment({**before, "experiment": list(known), "resumed": [*before.get("resumed", []), time]})


def other_digits(changed: Changed) -> str | None:
    """The note where results will differ in their last digits from those of an undisturbed run."""
    if not any(key in changed and changed[key][0] is not None for key in _DECIDE_DIGITS):
        return None
    told = [
        f"{key} {old} → {new}"
        for key, (old, new) in changed.items()
        if key.startswith(("versions.", "machine.processor", "engine", "processes"))
        # Only one of the engines has kernels to choose from, so another engine is all that there is to say.
        or (key == "kernels" and "engine" not in changed)
    ]
    cause = ", ".join(told) or "the processor's kernels are other ones"
    return f"The run continues, but not bit-identical: {cause}."


def _leaves(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if not prefix and key in _NOT_COMPARED:
            continue
        if isinstance(value, Mapping):
            yield from _leaves(cast("Mapping[str, Any]", value), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_SHAPES = ((3, 5, 7), (64, 37, 19), (130, 65, 33), (256, 300, 64))


# Names and versions hide which kernels BLAS and NumPy choose on this processor; a hash of some arithmetic sees it.
def arithmetic() -> str:
    """16 hex digits of products, sums and functions of fixed float32 numbers; costs about a millisecond."""
    digest = hashlib.sha256()
    for rows, inner, columns in _SHAPES:
        left, right = _numbers(rows, inner), _numbers(inner, columns)
        for result in (
            left @ right,
            np.exp(left),
            np.tanh(left),
            np.log1p(np.abs(right)),
            np.sqrt(np.abs(right)),
            left.sum(axis=0),
        ):
            digest.update(np.ascontiguousarray(result, "<f4").tobytes())
    return digest.hexdigest()[:16]


def _numbers(rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(rows, columns) numbers between -1 and 1, by integer arithmetic, which is the same everywhere."""
    steps = np.arange(rows * columns, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1 << 24)
    return ((steps.astype(np.float64) / (1 << 23)) - 1).astype(np.float32).reshape(rows, columns)
