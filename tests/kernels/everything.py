"""Trains a few steps with each layer, activation, loss, optimizer and all else that is registered; prints digests of the bytes.

A program of its own, as what is compared is processes: `python -m kernels.everything` prints one JSON object, by kind and name.
The cases come from the project's own tables, so what is added there is tried by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from engines.test_numpy_gradients import CASES, GRAPHS, IMAGE

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn import layers as nn
from fittool.nn.activations import ACTIVATIONS
from fittool.nn.graph import Graph
from fittool.nn.initializers import INITIALIZERS, Orthogonal
from fittool.nn.losses import LOSSES, Loss, MeanSquaredError
from fittool.nn.metrics import METRICS
from fittool.nn.optimizers import OPTIMIZERS, SGD, AdamW, Optimizer
from fittool.nn.regularizers import REGULARIZERS
from fittool.nn.targets import Metric

THREADS = 2
"""More than one, so that sums of groups are met too."""
WIDE: dict[str, tuple[list[nn.Layer], tuple[int, ...]]] = {
    "attention": ([nn.MultiHeadAttention(3, 24), nn.LayerNormalization(), nn.Dense(70, "gelu")], (40, 33)),
    "volumes": ([nn.Conv3D(17, 3, padding="same"), nn.Conv3D(9, 2, strides=2), nn.GlobalAveragePooling3D()], (9, 8, 7, 5)),
    "multiplier": ([nn.DepthwiseConv2D(3, depth_multiplier=3), nn.GlobalMaxPooling2D()], (17, 15, 11)),
    "recurrent": ([nn.LSTM(40, "softplus", return_sequences=True), nn.GRU(33, "gelu")], (20, 29)),
    "resizing": ([nn.UpSampling2D(2, interpolation="bilinear"), nn.GroupNormalization(4)], (13, 11, 20)),
    "classes": ([nn.Dense(300, "softmax"), nn.Dense(170, "log_softmax")], (130,)),
    "tables": ([nn.PiecewiseLinearEmbedding(40, 12), nn.Dense(50, "silu")], (20,)),
    "columns": ([nn.ColumnEmbedding((3, 0), (50, 60), (20, 30)), nn.Dense(9)], (14,)),
}
"""Shapes large enough that BLAS takes its other ways."""
_STATISTICS = ("variance", "scale", "center", "std", "mean", "zca")
_OPTIONS: dict[str, dict[str, Any]] = {
    "clipnorm": {"clipnorm": 0.1},
    "global_clipnorm": {"global_clipnorm": 0.1},
    "use_ema": {"use_ema": True, "ema_overwrite_frequency": 2},
    "gradient_accumulation_steps": {"gradient_accumulation_steps": 2},
}
"""What every optimizer can be told beside its own formula."""


def digest(*arrays: Any) -> str:
    """16 hex digits of the bytes of arrays (…)."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def trained(
    layers: Sequence[nn.Layer],
    shape: tuple[int, ...],
    *,
    targets: Callable[[np.random.Generator, tuple[int, ...]], Any] | None = None,
    loss: Loss | None = None,
    metrics: Sequence[Metric] = (),
    optimizer: Optimizer | None = None,
    scale: float = 1.0,
    batch: int = 21,
) -> dict[str, str]:
    """Digests of the weights and of the losses after three steps of a network, and of what it predicts then."""
    graph = Graph.build(list(layers), {"input": shape})
    given = graph.output_shapes[graph.outputs[0]]
    rng = np.random.default_rng(7)
    wanted = (targets or (lambda rng, full: rng.standard_normal(full)))(rng, (batch, *given))
    objective: dict[str, Any] = {"loss": loss or MeanSquaredError(), "metrics": metrics, "target_shape": wanted.shape[1:]}
    engine = NumpyEngine(
        graph,
        **objective,
        optimizer=optimizer or SGD(learning_rate=0.01, momentum=0.9),
        seed=3,
        threads=THREADS,
        weights=dict(_weights(graph)),
        kernels="native",
    )
    losses = []
    for count in (batch, batch, batch // 2):
        whole = isinstance(graph.nodes[0].layer, nn.Embedding | nn.ColumnEmbedding)
        x = rng.integers(0, 4, (count, *shape)).astype(np.float32) if whole else rng.standard_normal((count, *shape)) * scale
        engine.train_step(Batch((x.astype(np.float32),), (wanted[:count],)))
        losses += engine.metrics().values()
    weights = engine._store.trainable, engine._store.fixed
    predictions = engine.predict_step((x.astype(np.float32),))
    # Which of the many bit patterns of "no number" a processor gives is not defined.
    assert all(np.isfinite(array).all() for array in (*weights, *predictions, losses))
    found = {"weights": digest(*weights), "losses": digest(np.array(losses)), "predictions": digest(*predictions)}
    engine.close()
    return found


def _weights(graph: Graph) -> Iterator[tuple[str, Any]]:
    """Starting weights; edges of bins ascend as those of data do."""
    for name, array in graph.initial_weights(3).items():
        drawn = 0.1 * np.random.default_rng(len(name)).standard_normal(array.shape)
        if name.endswith("/edges"):
            yield name, np.sort(drawn * 10, axis=-1).astype(np.float32)
        else:
            yield name, array if name.endswith(_STATISTICS) else (array + drawn).astype(np.float32)


def layers() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every layer, in each form in which its gradient is checked; graphs; and wide ones."""
    for number, (layer, shape) in enumerate(CASES):
        whole = isinstance(layer, nn.Embedding | nn.ColumnEmbedding)
        chain = [layer] if whole else [nn.Dense(shape[-1], name="before"), layer]
        yield f"{number} {type(layer).__name__}", lambda chain=chain, shape=shape: trained(chain, shape, scale=0.3)
    for name, graph in GRAPHS.items():
        yield name, lambda graph=graph, name=name: trained(graph, IMAGE if name == "residual" else (5,))
    for name, (chain, shape) in WIDE.items():
        whole = isinstance(chain[0], nn.ColumnEmbedding)
        first = [] if whole else [nn.Dense(shape[-1], name="before")]
        yield f"wide {name}", lambda chain=[*first, *chain], shape=shape: trained(chain, shape)


def activations() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every activation, of large and small numbers."""
    for name in ACTIVATIONS:
        yield name, lambda name=name: trained([nn.Dense(67, name), nn.Dense(5)], (40,), optimizer=SGD(1e-5))


def _targets_for(expects: str) -> Callable[[np.random.Generator, tuple[int, ...]], Any]:
    """Targets as a loss or a metric expects them, for outputs of a shape."""
    if expects == "class numbers":
        return lambda rng, full: rng.integers(0, full[-1], full[:-1])
    if expects == "one-hot":
        return lambda rng, full: np.eye(full[-1], dtype=np.float32)[rng.integers(0, full[-1], full[:-1])]
    if expects == "probabilities":
        return lambda rng, full: rng.integers(0, 2, full).astype(np.float32)
    return lambda rng, full: rng.uniform(0.1, 1, full).astype(np.float32)


def losses() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every loss, of probabilities and, where it knows them, of logits, behind a softmax and behind a sigmoid."""
    for name, kind in LOSSES.members.items():
        for end in ("softmax", "sigmoid", "linear" if "from_logits" in kind.__dataclass_fields__ else "softplus"):
            loss = kind(from_logits=True) if end == "linear" else kind()
            chain = [nn.Dense(37, "relu"), nn.Dense(19, end)]
            yield (
                f"{name} {end}",
                lambda chain=chain, loss=loss: trained(chain, (23,), loss=loss, targets=_targets_for(loss.expects)),
            )


def metrics() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every metric."""
    for name, kind in METRICS.members.items():
        for form, units, targets in (
            ("one-hot", 19, _targets_for("one-hot")),
            ("numbers", 19, _targets_for("class numbers")),
            ("binary", 1, _targets_for("probabilities")),
        ):

            def one(kind: Any = kind, units: int = units, targets: Any = targets) -> dict[str, str]:
                chain = [nn.Dense(units, "softmax" if units > 1 else "sigmoid")]
                shape = (19,) if targets(np.random.default_rng(0), (2, units)).ndim == 2 and units > 1 else ()
                metric = kind().resolved(shape or ((1,) if units == 1 else ()), (units,))
                loss = LOSSES.members["SparseCategoricalCrossentropy" if units > 1 and not shape else "MeanSquaredError"]()
                return trained(chain, (23,), metrics=[metric], loss=loss, targets=targets)

            yield f"{name} {form}", one


def optimizers() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every optimizer, plain and with what all of them can be told."""
    chain = [nn.Conv2D(9, 3), nn.Flatten(), nn.Dense(61, "tanh"), nn.Dense(10)]
    for name, kind in OPTIMIZERS.members.items():
        for option, settings in {"plain": {}, **_OPTIONS}.items():
            yield f"{name} {option}", lambda kind=kind, settings=settings: trained(chain, (9, 9, 3), optimizer=kind(**settings))
    extra = {
        "RMSprop": {"momentum": 0.9, "centered": True},
        "Adam": {"amsgrad": True},
        "SGD": {"momentum": 0.9, "nesterov": True},
    }
    for name, settings in extra.items():
        made = OPTIMIZERS.members[name](**settings)
        yield f"{name} {settings}", lambda made=made: trained(chain, (9, 9, 3), optimizer=made)
    yield "weight decay", lambda: trained(chain, (9, 9, 3), optimizer=AdamW(weight_decay=0.1))


def initializers() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every initializer's numbers."""
    for name, kind in INITIALIZERS.members.items():
        for shape in ((3, 3, 5, 37), (130, 70), (70, 130)):

            def one(kind: Any = kind, shape: tuple[int, ...] = shape) -> dict[str, str]:
                graph = Graph.build([nn.Dense(shape[-1], kernel_initializer=kind(), name="d")], {"input": (np.prod(shape[:-1]),)})
                engine = NumpyEngine(graph, seed=3, threads=1, kernels="native")
                return {"weights": digest(engine._store.trainable)}

            yield f"{name} {shape}", one
    yield "wide", lambda: {"weights": digest(Orthogonal(gain=1.5).draw((256, 64), np.random.Generator(np.random.Philox(key=3))))}


def regularizers() -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """Every regularizer on weights."""
    for name, kind in REGULARIZERS.members.items():
        yield name, lambda kind=kind: trained([nn.Dense(90, kernel_regularizer=kind()), nn.Dense(5)], (37,))


KINDS = {one.__name__: one for one in (layers, activations, losses, metrics, optimizers, initializers, regularizers)}


def main() -> None:
    """Print the digests; of the kinds that are named alone, if any are."""
    found: dict[str, dict[str, str]] = {}
    for kind in sys.argv[1:] or KINDS:
        for name, one in KINDS[kind]():
            with contextlib.redirect_stderr(None):
                try:
                    found[f"{kind}: {name}"] = one()
                except Exception as error:  # a form that a loss or metric refuses, which is then refused everywhere
                    found[f"{kind}: {name}"] = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
