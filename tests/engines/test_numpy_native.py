"""Our own kernels against NumPy, on random networks of random shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engines.native_pair import Pair, close, needs_kernels

from fittool.data.batch import Batch

pytestmark = needs_kernels
Layers = list[Any]
Random = np.random.Generator


def side(rng: Random, most: int = 14) -> int:
    return int(rng.integers(1, most + 1))


def padding(rng: Random) -> str:
    return str(rng.choice(["same", "valid"]))


def convolution(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    """Any kernel, strides or dilation, padding, with or without a bias and an activation; the first layer gives it a gradient."""
    kernel, shape = [side(rng, 5), side(rng, 5)], (side(rng, 20), side(rng, 20), side(rng, 5))
    settings: dict[str, Any] = {"filters": int(rng.choice([1, 3, 8, 10, 16, 17, 31, 32, 33, 48, 70])), "kernel_size": kernel}
    settings |= {"padding": "same", "use_bias": bool(rng.integers(2)), "activation": str(rng.choice(["relu", "linear", "tanh"]))}
    if rng.integers(2):
        settings["strides"] = [side(rng, 3), side(rng, 3)]
    elif rng.integers(2):
        settings["dilation_rate"] = [side(rng, 3), side(rng, 3)]
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, settings.get("dilation_rate", [1, 1]), strict=True)]
    if all(size >= least for size, least in zip(shape, reach, strict=False)):
        settings["padding"] = padding(rng)
    first = {"Conv2D": {"filters": int(rng.choice([1, 2, 3, 7, 16, 19, 32])), "kernel_size": 1}}
    return [*([first] if rng.integers(4) else []), {"Conv2D": settings}], shape


def groups(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    count = side(rng, 5)
    settings: dict[str, Any] = {"filters": count * side(rng, 20), "kernel_size": side(rng, 4), "padding": "same", "groups": count}
    settings |= {"strides": side(rng, 3), "activation": str(rng.choice(["relu", "linear"])), "use_bias": bool(rng.integers(2))}
    first = {"Conv2D": {"filters": count * side(rng, 6), "kernel_size": 1}}
    return [first, {"Conv2D": settings}], (side(rng), side(rng), side(rng, 4))


def transposed(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    settings: dict[str, Any] = {"filters": side(rng, 35), "kernel_size": [side(rng, 5), side(rng, 5)], "padding": padding(rng)}
    settings |= {"strides": [side(rng, 3), side(rng, 3)], "use_bias": bool(rng.integers(2))}
    return [{"Conv2D": {"filters": side(rng, 20), "kernel_size": 1}}, {"Conv2DTranspose": settings}], (side(rng), side(rng), 3)


def sequence_convolution(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    settings = {"filters": side(rng, 20), "kernel_size": side(rng, 4), "padding": "same", "activation": "relu"}
    return [{"Conv1D": {"filters": side(rng, 9), "kernel_size": 1}}, {"Conv1D": settings}], (side(rng, 30), side(rng, 6))


def depthwise(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    kernel = [side(rng, 4), side(rng, 4)]
    settings: dict[str, Any] = {"kernel_size": kernel, "padding": "same", "use_bias": bool(rng.integers(2))}
    settings["activation"] = str(rng.choice(["relu", "linear"]))
    if rng.integers(2):
        settings["strides"] = [stride := side(rng, 3), stride]
    channels = int(rng.choice([1, 3, 8, 16, 19, 35]))
    name = str(rng.choice(["DepthwiseConv2D", "SeparableConv2D"]))
    if name == "SeparableConv2D":
        settings["filters"] = side(rng, 20)
    return [{"Conv2D": {"filters": channels, "kernel_size": 1}}, {name: settings}], (side(rng, 20), side(rng, 20), side(rng, 4))


def dense(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    sizes = [int(rng.choice([1, 2, 7, 10, 16, 33, 64, 100, 300])) for _ in range(3)]
    layers = [{"Dense": {"units": size, "use_bias": bool(rng.integers(2)), "activation": "relu"}} for size in sizes]
    return [*layers, {"Dense": {"units": side(rng), "activation": "linear"}}], (
        *[side(rng, 3)] * int(rng.integers(2)),
        side(rng, 90),
    )


def normalization(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    """Alone, with ReLU, and with the ends of two branches added."""
    filters, size = int(rng.choice([1, 3, 8, 16, 20, 33])), [side(rng, 3), side(rng, 3)]
    settings = {"scale": bool(rng.integers(2)), "center": bool(rng.integers(2)), "trainable": bool(rng.integers(4))}

    def block(name: str, inputs: str) -> Layers:
        own = {"filters": filters, "kernel_size": size, "padding": "same", "use_bias": False, "inputs": inputs}
        return [{"Conv2D": own}, {"BatchNormalization": {**settings, "name": name}}]

    begin = [{"Conv2D": {"filters": filters, "kernel_size": 1, "activation": "relu", "name": "first"}}]
    other = [*block("b", "first")] if rng.integers(2) else []
    ends = ["a", "b" if other else "first"]
    if rng.integers(2):
        ends.reverse()
    join = [{"Add": {"inputs": ends}}, *(["ReLU"] if rng.integers(4) else [])]
    layers = [*begin, *block("a", "first"), *other, *join, {"BatchNormalization": settings}, "ReLU"]
    return layers, (side(rng), side(rng), side(rng, 4))


def pooling(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    name = str(rng.choice(["MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D"]))
    layer: Any = name
    if not name.startswith("Global"):
        pool, strides = [side(rng, 4), side(rng, 4)], [side(rng, 4), side(rng, 4)]
        layer = {name: {"pool_size": pool, "strides": strides, "padding": "same"}}
    first = {"Conv2D": {"filters": int(rng.choice([1, 3, 8, 16, 20, 33])), "kernel_size": 1}}
    return [first, layer], (side(rng), side(rng), side(rng, 4))


def elements(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    shape = (side(rng), side(rng), side(rng, 5))
    first: Layers = [
        {"Rescaling": {"scale": 0.3, "offset": float(rng.choice([0, 0.5]))}},
        {"Conv2D": {"filters": 3, "kernel_size": 1}},
    ]
    dropout = {"Dropout": {"rate": float(rng.choice([0, 0.25, 0.5]))}}
    activation = {"Activation": {"activation": str(rng.choice(["relu", "sigmoid", "tanh", "softmax"]))}}
    return [*first, dropout, activation, {"Rescaling": {"scale": 2, "offset": 1}}], shape


def attention(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    """Of one sequence to itself, or to another of another length."""
    steps, size = side(rng, 20), side(rng, 20)
    settings: dict[str, Any] = {"num_heads": side(rng, 4), "key_dim": side(rng, 20), "use_bias": bool(rng.integers(2))}
    settings |= {"value_dim": side(rng, 20), "use_causal_mask": bool(rng.integers(2)), "dropout": float(rng.choice([0, 0.3]))}
    first: Layers = [{"Dense": {"units": size, "name": "a"}}]
    if rng.integers(2):
        first += [{"Conv1D": {"filters": side(rng, 9), "kernel_size": side(rng, steps), "inputs": "a", "name": "b"}}]
        settings["inputs"] = ["a", "b"]
    return [*first, {"MultiHeadAttention": settings}], (steps, side(rng, 6))


def layer_normalization(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    settings = {"scale": bool(rng.integers(2)), "center": bool(rng.integers(2)), "epsilon": 1e-3}
    first = {"Dense": {"units": int(rng.choice([2, 3, 8, 16, 17, 33, 64, 100]))}}
    return [first, {"LayerNormalization": settings}], (*[side(rng, 5)] * int(rng.integers(3)), side(rng, 6))


def curves(rng: Random) -> tuple[Layers, tuple[int, ...]]:
    """Activations that are made of powers, also with factors of their own."""
    names = ["gelu", "silu", "mish", "softplus", "elu", "selu", "exponential"]
    own: Layers = [{"ELU": {"alpha": 0.7}}, {"GELU": {"approximate": True}}, *({"Activation": one} for one in names)]
    factor = float(rng.choice([0.1, 1, 5]))
    return [{"Dense": {"units": side(rng, 60)}}, {"Rescaling": {"scale": factor}}, own[int(rng.integers(len(own)))]], (
        side(rng, 9),
    )


KINDS: dict[str, Callable[[Random], tuple[Layers, tuple[int, ...]]]] = {
    "convolution": convolution,
    "groups": groups,
    "transposed": transposed,
    "sequence convolution": sequence_convolution,
    "depthwise": depthwise,
    "dense": dense,
    "normalization": normalization,
    "pooling": pooling,
    "elements": elements,
    "attention": attention,
    "layer normalization": layer_normalization,
    "curves": curves,
}


def compare(kind: str, seed: int) -> None:
    """A step and predictions of one random network on both paths.

    Twice where they differ, with other numbers: a value that is rounded to either side of 0 lets a gradient through a ReLU on one
    path alone, about once in ten thousand networks. A fault shows both times.
    """
    rng = np.random.default_rng([seed, sum(map(ord, kind))])
    layers, shape = KINDS[kind](rng)
    count = int(rng.integers(1, 9))
    try:
        compare_once(kind, seed, layers, (count, *shape), rng)
    except AssertionError:
        compare_once(kind, seed, layers, (count, *shape), rng)


def compare_once(kind: str, seed: int, layers: Layers, shape: tuple[int, ...], rng: Random) -> None:
    pair = Pair(layers, shape[1:], seed=seed, threads=1 + seed % 3)
    x = rng.normal(size=shape).astype(np.float32)
    y = rng.normal(size=(shape[0], *pair.graph.output_shapes[pair.graph.outputs[0]])).astype(np.float32)
    try:
        pair.step(Batch((x,), (y,)))
        # What is shifted before a normalization has no gradient: all that is left of it is rounding.
        pair.assert_close(rounding=2e-4 if kind == "normalization" else 1e-5)
        for ours, theirs in zip(pair.native.predict_step((x,)), pair.numpy.predict_step((x,)), strict=True):
            close(ours, theirs, 2e-4, "the output")
    except AssertionError as error:
        raise AssertionError(f"{layers} on {shape}: {error}") from error
    finally:
        pair.close()


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_agree_with_numpy(kind: str) -> None:
    for seed in range(40):
        compare(kind, seed)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_agree_with_numpy_on_very_many_shapes(kind: str) -> None:
    for seed in range(40, 40 + 10_000 // len(KINDS)):
        compare(kind, seed)


def test_a_part_of_the_network_is_computed_by_kernels() -> None:
    pair = Pair([{"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}}], (8, 8, 3))
    (instruction,) = pair.native._space.plan.instructions
    assert type(instruction.operation).__name__ == "NativeConvolution"
    assert [type(one.operation).__name__ for one in pair.numpy._space.plan.instructions] == ["Convolution", "Activation"]
    pair.close()
