"""Where the time and the memory of a training go: by stage, and by layer; told at the end and kept in the run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Kind, Logs
from fittool.callbacks.snapshot import Snapshot
from fittool.engines.base import Engine
from fittool.engines.step_profile import PARTS, StepProfile
from fittool.nn.graph import Graph
from fittool.runs.directory import RunDirectory
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json
from fittool.training.display.formatting import duration
from fittool.training.display.progress import NullProgress, Progress
from fittool.training.display.view import View
from fittool.training.history import Row
from fittool.training.outcome import Best, Outcome
from fittool.training.recording.run_recorder import RunRecorder
from fittool.training.trainer import Trainer

FORMAT = 1
_MILLI, _PERCENT, _UNIT = 1000.0, 100.0, 1024


class TrainingProfile(Callback):
    """The profile of a training: a callback that comes first, so that it sees when validations begin and end.

    Attributes:
        seconds: Of `validation`, `checkpoint` and `display`.
        steps: Those of the engine's training steps.
    """

    adds_to_logs = False
    needs_batch_logs = False

    def __init__(self) -> None:
        self.steps = StepProfile()
        self.seconds = {"validation": 0.0, "checkpoint": 0.0, "display": 0.0}
        self._begun: float | None = None
        self._whole = 0.0
        self._validation: float | None = None

    def shown_by(self, progress: Progress) -> Progress:
        """The display, its writing timed; nobody's stays nobody's."""
        return progress if type(progress) is NullProgress else ProfiledProgress(progress, self)

    def recorder(self, *arguments: Any, **options: Any) -> RunRecorder:
        """A recorder whose checkpoints are timed; arguments as of `RunRecorder`."""
        made = ProfiledRecorder(*arguments, **options)
        made.profile = self
        return made

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add what happens within to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """The clock starts."""
        self._begun = time.perf_counter()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The clock stops."""
        if self._begun is not None:
            self._whole = time.perf_counter() - self._begun

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """A validation begins."""
        self._validation = time.perf_counter()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """A validation ends."""
        if self._validation is not None:
            self.seconds["validation"] += time.perf_counter() - self._validation

    def stages(self, waited: float) -> dict[str, float]:
        """Seconds of each stage; `other` is what is left of the whole: callbacks, the log, what stands between the steps.

        Args:
            waited: Those for which the training waited for data.
        """
        self.steps.settle()
        parts: dict[str, float] = {part: self.steps.parts[part] for part in PARTS}
        known = {"data": waited + parts.pop("inputs"), **parts, **self.seconds}
        return known | {"other": max(self._whole - sum(known.values()), 0.0)}


class ProfiledRecorder(RunRecorder):
    """A recorder whose checkpoints are timed, with the copies of the state that are made before them.

    Attributes:
        profile: Learns the seconds; set before the training.
    """

    profile: TrainingProfile
    _settled: float | None = None

    def epoch_finished(self, row: Row, best: Best | None, improved: bool) -> None:
        """As ever; from here on the epoch's state is copied and saved."""
        super().epoch_finished(row, best, improved)
        self._settled = time.perf_counter()

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Save, and add the seconds."""
        if self._settled is not None:
            self.profile.seconds["checkpoint"] += time.perf_counter() - self._settled
            self._settled = None
        with self.profile.timing("checkpoint"):
            super().save(snapshot, kind, path)


class ProfiledProgress:
    """A display whose writing is timed.

    Args:
        shown: The display.
        profile: Learns the seconds.
    """

    def __init__(self, shown: Progress, profile: TrainingProfile) -> None:
        self._shown, self._profile = shown, profile

    def begin(self, header: str, monitor: str = "") -> None:
        """As it does."""
        self._shown.begin(header, monitor)

    def due(self) -> bool:
        """As it says."""
        return self._shown.due()

    def look(self, view: View) -> None:
        """As it does, timed."""
        with self._profile.timing("display"):
            self._shown.look(view)

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """As it does, timed."""
        with self._profile.timing("display"):
            self._shown.epoch_finished(row, epochs, improved)

    def say(self, text: str) -> None:
        """As it does."""
        self._shown.say(text)

    def finished(self, outcome: Outcome) -> None:
        """As it does."""
        self._shown.finished(outcome)


def profile_of(profile: TrainingProfile, engine: Engine, graph: Graph, rows: Sequence[Row], known: int) -> dict[str, Any]:
    """The profile as plain data, seconds and bytes.

    Args:
        profile: Of a training that has ended.
        engine: That did it.
        graph: Its network.
        rows: Of all epochs of the run.
        known: How many of them were done before, by an earlier process.
    """
    waited = sum(float(row.get("data_seconds", 0.0)) for row in rows[known:])
    stages = profile.stages(waited)
    kept = profile.steps.activations()
    layers = [
        {
            "name": node.name,
            "layer": node.layer.public_name(),
            "forward_seconds": profile.steps.seconds(node.name, "forward"),
            "backward_seconds": profile.steps.seconds(node.name, "backward"),
            "activation_bytes": int(kept.get(node.name, 0)),
            "parameters": sum(parameter.size for parameter in node.parameters),
        }
        for node in graph.nodes
    ]
    return {
        "format": FORMAT,
        "engine": engine.label,
        "threads": engine.threads,
        "steps": profile.steps.steps,
        "batch_size": profile.steps.largest,
        "seconds": sum(stages.values()),
        "stages": stages,
        "activation_bytes": sum(kept.values()),
        "layers": layers,
    }


def lines_of(found: dict[str, Any]) -> Iterator[str]:
    """The profile as two tables: stages, then layers with milliseconds a step, the dearest first."""
    whole = found["seconds"] or 1.0
    yield f"profile: {found['steps']:,} steps of up to {found['batch_size']:,} samples in {duration(found['seconds'])}"
    width = max(map(len, found["stages"]))
    for name, seconds in found["stages"].items():
        yield f"  {name:<{width}}  {duration(seconds):>8}  {_PERCENT * seconds / whole:5.1f} %"
    steps = found["steps"] or 1
    layers = [one for one in found["layers"] if one["forward_seconds"] or one["backward_seconds"] or one["activation_bytes"]]
    if not layers:
        return
    layers.sort(key=lambda one: -(one["forward_seconds"] + one["backward_seconds"]))
    spent = sum(one["forward_seconds"] + one["backward_seconds"] for one in layers) or 1.0
    name_width = max(5, *(len(one["name"]) for one in layers))
    yield f"  {'layer':<{name_width}}  forward ms  backward ms   share  activations"
    for one in layers:
        forward, backward = (_MILLI * one[f"{half}_seconds"] / steps for half in ("forward", "backward"))
        share = _PERCENT * (one["forward_seconds"] + one["backward_seconds"]) / spent
        size = _bytes(one["activation_bytes"])
        yield f"  {one['name']:<{name_width}}  {forward:>10.3f}  {backward:>11.3f}  {share:5.1f} %  {size:>11}"
    yield f"activations of a batch: {_bytes(found['activation_bytes'])}; seconds of layers are those of all threads together"


def _bytes(size: int) -> str:
    """`0 B`, `12.5 KiB`, `1.2 GiB`."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < _UNIT:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _UNIT
    return f"{amount:,.1f} GiB"


def tell_profile(profile: TrainingProfile | None, trainer: Trainer, directory: RunDirectory, known: int = 0) -> None:
    """Say at the end of a training where its time went, and keep it in the run; nothing where nobody asked.

    Args:
        profile: What was measured, or None.
        trainer: Has trained.
        directory: The run.
        known: How many epochs were done before by another process.

    Raises:
        StorageError: It cannot be kept.
    """
    if profile is None:
        return
    found = profile_of(profile, trainer.engine, trainer.engine.graph, trainer.history.rows, known)
    atomic_write(directory.paths.profile, [to_json(found, indent=2), b"\n"])
    for line in lines_of(found):
        trainer.say(line)
