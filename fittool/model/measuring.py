"""Walks over data without learning: loss and metrics, or the outputs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks import Callback
from fittool.callbacks.control import Control
from fittool.callbacks.group import CallbackGroup
from fittool.data.batch import Batch
from fittool.data.loading.batch_loader import BatchLoader
from fittool.engines.numpy_engine import NumpyEngine
from fittool.training.display.formatting import values
from fittool.training.display.progress import Verbose, make_progress
from fittool.training.plan import Plan
from fittool.training.steps import BatchStream, run_steps
from fittool.training.validation import Validation


def measured(
    engine: NumpyEngine, loader: BatchLoader, steps: int | None, callbacks: list[Callback], model: object, verbose: Verbose
) -> dict[str, float]:
    """Loss and metrics.

    Args:
        engine: The network.
        loader: The data.
        steps: How many batches; None: all.
        callbacks: Those that listen to tests.
        model: What they find as `model`.
        verbose: How much is shown.

    Raises:
        ExperimentError: A ValueError: more batches are asked for than there are.
    """
    plan = Plan(1, validation_steps=steps)
    plan.check(loader, loader)
    progress = make_progress(verbose)
    logs = Validation(engine, loader, plan, CallbackGroup(callbacks, Control(engine, model=model)), progress, _nothing).measure()
    progress.say(f"evaluated  {values(logs)}")
    return logs


def predicted(
    engine: NumpyEngine, loader: BatchLoader, steps: int | None, callbacks: list[Callback], model: object
) -> list[NDArray[Any]]:
    """The outputs, each (N, …) float32, for all samples; arguments as for `measured`."""
    group = CallbackGroup(callbacks, Control(engine, model=model))
    parts: list[tuple[NDArray[np.float32], ...]] = []
    stream, length = BatchStream(loader), loader.steps_per_pass
    _tell(group, "on_predict_begin")
    try:
        run_steps(
            stream.from_step(0),
            0,
            length if steps is None else min(steps, length or steps),
            before=partial(_tell, group, "on_predict_batch_begin"),
            step=lambda batch: parts.append(engine.predict_step(batch.inputs)),
            after=partial(_after_prediction, group),
        )
    finally:
        stream.close()
    _tell(group, "on_predict_end")
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _tell(group: CallbackGroup, hook: str, *step: int) -> None:
    """Call a hook on all callbacks."""
    for callback in group.callbacks:
        getattr(callback, hook)(*step, {})


def _after_prediction(group: CallbackGroup, step: int, batch: Batch) -> bool:
    """Nothing that a callback does ends the walk."""
    _tell(group, "on_predict_batch_end", step)
    return False


def _nothing() -> None:
    """Nothing happens between two steps."""
