"""Keras's `fit`, `predict` and `flow`, on the backend that the environment names."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers as kl

from tests.benchmarks.peers.work import BLOCKS, CLASSIC, FEATURES, TIME_STEPS, Stopwatch, Took, Turn, Work, arrays, timed


def prepare(work: Work, backend: str) -> Turn:
    """The work, ready to be timed."""
    _limit(backend, work.threads)
    x, y = arrays(work)
    if work.kind == "flow":
        from keras.src.legacy.preprocessing.image import ImageDataGenerator

        flow = ImageDataGenerator(**CLASSIC).flow(x.astype("float32"), y, batch_size=work.batch)
        return lambda: timed(lambda: [next(flow) for _ in range(len(flow))])
    x, model = x.astype("float32"), network(work.network)
    if work.kind == "predict":
        return lambda: timed(lambda: model.predict(x, batch_size=work.batch, verbose=0))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def turn() -> Took:
        clock = Clock()
        model.fit(x, y, batch_size=work.batch, epochs=work.epochs, verbose=0, callbacks=[clock])
        return clock.took

    return turn


class Clock(keras.callbacks.Callback):
    """The time between the ends of epochs."""

    took = Took(0, 0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._watch = Stopwatch()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.took += self._watch.took()


def _limit(backend: str, threads: int) -> None:
    """So many threads; JAX goes by the cores that the process may use."""
    if backend == "torch":
        import torch

        torch.set_num_threads(threads)
    if backend == "tensorflow":
        import tensorflow as tf

        if tf.config.threading.get_intra_op_parallelism_threads() != threads:  # only before TensorFlow has computed
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)


def network(name: str) -> Any:
    """One of the networks, with probabilities of ten classes."""
    return {"digits-mlp": _digits_mlp, "simple_cnn": _simple_cnn, "resnet20": _resnet20, "depthwise": _depthwise, "lstm": _lstm}[
        name
    ]()


def _output() -> Any:
    return kl.Dense(10, activation="softmax")


def _digits_mlp() -> Any:
    hidden = [kl.Dense(units, activation="relu") for units in (128, 64)]
    return keras.Sequential([keras.Input((64,)), *hidden, _output()])


def _lstm() -> Any:
    return keras.Sequential([keras.Input((TIME_STEPS, FEATURES)), kl.LSTM(128), _output()])


def _simple_cnn() -> Any:
    layers = [keras.Input((32, 32, 3)), kl.Rescaling(1 / 255)]
    for filters in (32, 64):
        layers += [kl.Conv2D(filters, 3, padding="same", activation="relu"), kl.Conv2D(filters, 3, activation="relu")]
        layers += [kl.MaxPooling2D(), kl.Dropout(0.25)]
    layers += [kl.Flatten(), kl.Dense(512, activation="relu"), kl.Dropout(0.5), _output()]
    return keras.Sequential(layers)


def _normal(x: Any, layer: Any, activate: bool = True) -> Any:
    x = kl.BatchNormalization()(layer(x))
    return kl.ReLU()(x) if activate else x


def _convolution(filters: int, size: int = 3, strides: int = 1) -> Any:
    return kl.Conv2D(filters, size, strides, padding="same", use_bias=False)


def _resnet20() -> Any:
    inputs = keras.Input((32, 32, 3))
    x = _normal(kl.Rescaling(1 / 255)(inputs), _convolution(16))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            strides = 2 if stage and not block else 1
            inner = _normal(x, _convolution(filters, strides=strides))
            inner = _normal(inner, _convolution(filters), activate=False)
            shortcut = x if strides == 1 else _normal(x, _convolution(filters, 1, strides), activate=False)
            x = kl.ReLU()(kl.Add()([inner, shortcut]))
    return keras.Model(inputs, _output()(kl.GlobalAveragePooling2D()(x)))


def _depthwise() -> Any:
    inputs = keras.Input((32, 32, 3))
    x = _normal(kl.Rescaling(1 / 255)(inputs), _convolution(32))
    for filters, strides in BLOCKS:
        x = _normal(x, kl.DepthwiseConv2D(3, strides, padding="same", use_bias=False))
        x = _normal(x, _convolution(filters, 1))
    return keras.Model(inputs, _output()(kl.GlobalAveragePooling2D()(x)))
