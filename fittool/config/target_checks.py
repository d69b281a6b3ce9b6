"""`data.target` held against the losses and the form of the labels."""

from __future__ import annotations

from collections.abc import Iterator

from fittool.config.written import Written
from fittool.config.yaml.source_map import Placed
from fittool.nn.losses import Huber, LogCosh, Loss, MeanAbsoluteError, MeanSquaredError

SCALABLE = (MeanSquaredError, MeanAbsoluteError, Huber, LogCosh)
"""Losses of differences, which mean the same on any scale; others count on where zero is, or on signs."""


def target_contradictions(written: Written) -> Iterator[Placed]:
    """A scale of targets that are no numbers to predict, or whose loss would lose its meaning."""
    data, compile_ = written.experiment.data, written.experiment.compile
    if data.target is None or not written.is_known("compile", "loss"):
        return
    path, scale = ("data", "target"), data.target.scale
    losses = [compile_.loss] if isinstance(compile_.loss, Loss) else list(compile_.loss.values())
    numbers = [loss for loss in losses if loss.expects == "numbers"]
    where = written.said("compile", "loss")
    if not numbers:
        text = f"data.target is for numbers to predict, but the loss {losses[0].public_name()} ({where}) learns classes."
        yield written.problem(path, f"{text} Remove it, or use a loss such as mean_squared_error.")
    elif data.class_mode == "input":
        said = written.said("data", "class_mode")
        text = f"data.target has no meaning with data.class_mode: input ({said}), where the targets are the inputs."
        yield written.problem(path, f"{text} Remove it.")
    elif scale != "none" and (odd := [loss for loss in numbers if not isinstance(loss, SCALABLE)]):
        text = f"data.target.scale: {scale} moves and stretches the targets, on which {odd[0].public_name()} ({where}) depends."
        mend = "Set scale: none, or use mean_squared_error, mean_absolute_error, huber or log_cosh."
        yield written.problem((*path, "scale"), f"{text} {mend}")
