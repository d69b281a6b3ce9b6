"""Our side: `fit`, `predict` and `flow`, as a user of Python calls them."""

from __future__ import annotations

from typing import Any

import fittool as ft
from fittool.nn.presets import PRESETS
from tests.benchmarks.peers.work import BLOCKS, CLASSIC, Stopwatch, Took, Turn, Work, arrays, timed


def prepare(work: Work, engine: str) -> Turn:
    """The work on the engine of a name, ready to be timed."""
    x, y = arrays(work)
    if work.kind == "flow":
        flow = ft.ImageDataGenerator(**CLASSIC).flow(x, y, batch_size=work.batch)
        return lambda: timed(lambda: [next(flow) for _ in range(len(flow))])
    model = _model(work, engine, x.shape[1:])
    if work.kind == "predict":
        return lambda: timed(lambda: model.predict(x, batch_size=work.batch, verbose=0))
    if not work.anew:
        return _epochs(model, x, y, work, work.before)
    return lambda: _epochs(_model(work, engine, x.shape[1:]), x, y, work, work.before)()


class Clock(ft.callbacks.Callback):
    """The time between the ends of epochs."""

    took = Took(0, 0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._watch = Stopwatch()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.took += self._watch.took()


def _epochs(model: ft.Model, x: Any, y: Any, work: Work, before: int) -> Turn:
    if before:
        model.fit(x, y, batch_size=work.batch, epochs=before, verbose=0)

    def turn() -> Took:
        clock = Clock()
        model.fit(x, y, batch_size=work.batch, epochs=work.epochs, verbose=0, callbacks=[clock])
        return clock.took

    return turn


def _model(work: Work, engine: str, shape: tuple[int, ...]) -> ft.Model:
    numpy = {"numpy": {"threads": work.threads, "kernels": work.kernels}}
    setting = numpy if engine == "numpy" else {"torch": {"device": "cpu", "threads": work.threads}}
    model = ft.Model(layers(work.network), input_shape=shape, engine=setting)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def layers(network: str) -> list[Any]:
    """A network's layers."""
    output = {"Dense": {"units": 10, "activation": "softmax"}}
    if network == "digits-mlp":
        return list(PRESETS.parse("mlp").expand(10))
    if network == "lstm":
        return [{"LSTM": {"units": 128}}, output]
    if network != "depthwise":
        return list(PRESETS.parse(network).expand(10))
    first = {"Conv2D": {"filters": 32, "kernel_size": 3, "padding": "same", "use_bias": False}}
    found: list[Any] = [{"Rescaling": {"scale": 1 / 255}}, first, "BatchNormalization", "ReLU"]
    for filters, strides in BLOCKS:
        found.append({"DepthwiseConv2D": {"kernel_size": 3, "strides": strides, "padding": "same", "use_bias": False}})
        found += ["BatchNormalization", "ReLU", {"Conv2D": {"filters": filters, "kernel_size": 1, "use_bias": False}}]
        found += ["BatchNormalization", "ReLU"]
    return [*found, "GlobalAveragePooling2D", output]
