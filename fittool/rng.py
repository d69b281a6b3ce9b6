"""Chance as a function, not as state: counter-based random numbers and a permutation with random access.

Every number is a pure function of (seed, purpose, counters), so workers, prefetching, resuming in mid-epoch and other
engines all see the same ones, and a checkpoint needs no random state. Nothing here touches a global generator; what is kept
is the seed of those who name none.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.kernels import arithmetic

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, SplitMix64's increment
_SORTED_LIMIT = 1 << 16
_ROUNDS = 4
_BLOCK = 1 << 16  # positions whose intermediate numbers stay in the cache

_default_seed: list[int] = []  # what set_default_seed was told, and how many seeds were taken from it since


def set_default_seed(seed: int) -> None:
    """Let models and iterators that are made from now on, and name no seed, follow from this one.

    Raises:
        ValueError: It is no whole number from 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"The seed must be a whole number from 0; got {seed!r}.")
    _default_seed[:] = [int(seed), 0]


def default_seed() -> int | None:
    """The seed of `set_default_seed`; None before it was called."""
    return _default_seed[0] if _default_seed else None


def fresh_seed() -> int:
    """A seed that differs from call to call: the next that follows from the default seed, else one from the system's chance."""
    if not _default_seed:
        return secrets.randbits(32)
    _default_seed[1] += 1
    return key_of(_default_seed[0], "seed", _default_seed[1]) & 0xFFFFFFFF


def key_of(seed: int, purpose: str, *counters: int) -> int:
    """A 64-bit key for one stream of numbers: `seed`, what they are for, and where in the run (pass, step, …)."""
    text = "\0".join([purpose, str(seed), *map(str, counters)]).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Stafford's variant 13 of the 64-bit finalizer (SplitMix64): every input bit reaches every output bit."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def bits(seed: int, purpose: str, *counters: int, positions: ArrayLike, draws: int = 1) -> NDArray[np.uint64]:
    """64 random bits for each position and draw.

    Args:
        seed, purpose, counters: Name the stream (see `key_of`).
        positions: (N,) non-negative integers, such as sample indices or positions in a pass.
        draws: How many independent numbers each position gets.

    Returns:
        (N, draws) uint64; row i depends on positions[i] alone, not on its neighbours.
    """
    key = np.uint64(key_of(seed, purpose, *counters))
    at = np.asarray(positions).astype(np.uint64).reshape(-1, 1)
    draw = np.arange(1, draws + 1, dtype=np.uint64)
    return _mix(_mix(key + (at + np.uint64(1)) * _GOLDEN) + draw * _GOLDEN)


def uniforms(seed: int, purpose: str, *counters: int, positions: ArrayLike, draws: int = 1) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 random bits each, (N, draws) float64; arguments as in `bits`."""
    whole = bits(seed, purpose, *counters, positions=positions, draws=draws) >> np.uint64(11)
    return np.asarray(whole * 2.0**-53, np.float64)


def normals(seed: int, purpose: str, *counters: int, positions: ArrayLike, draws: int = 1) -> NDArray[np.float64]:
    """Standard normal numbers by Box and Muller's transform, (N, draws) float64; arguments as in `bits`."""
    pairs = uniforms(seed, purpose, *counters, positions=positions, draws=2 * draws)
    return np.asarray(np.sqrt(-2.0 * arithmetic.log1p(-pairs[:, :draws])) * arithmetic.cos(2.0 * np.pi * pairs[:, draws:]))


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """A NumPy generator for draws made once, in order, such as the initial weights of one layer."""
    return np.random.Generator(np.random.Philox(key=key_of(seed, purpose, *counters)))


def numpy_random_state(seed: int) -> np.random.RandomState:
    """NumPy's old generator at its beginning, whose numbers never change (NEP 19): for what must equal scikit-learn's choice.

    Args:
        seed: Any whole number from 0; scikit-learn itself takes none of 2**32 or more.
    """
    return np.random.RandomState(seed if seed < 1 << 32 else [seed & 0xFFFFFFFF, seed >> 32])


@lru_cache(maxsize=4)
def _sort_permutation(key: int, size: int) -> NDArray[np.int64]:
    at = np.arange(1, size + 1, dtype=np.uint64)
    order = np.argsort(_mix(np.uint64(key) + at * _GOLDEN), kind="stable")
    order.flags.writeable = False
    return order


def permuted(seed: int, purpose: str, *counters: int, positions: ArrayLike, size: int) -> NDArray[np.int64]:
    """The element that stands at each position of a random order of `size` elements, without making the whole order.

    Up to 65,536 elements the order is an argsort of random keys (kept, as a pass asks for it many times); above, a
    Feistel network over the next power of two, walked until it lands inside `size` (Black and Rogaway 2002,
    "Ciphers with arbitrary finite domains"), so that a billion elements need no array.

    Args:
        positions: (N,) integers in [0, size).

    Returns:
        (N,) int64 indices in [0, size); over all positions each occurs exactly once.
    """
    key = key_of(seed, purpose, *counters)
    at = np.asarray(positions, dtype=np.int64)
    if size <= _SORTED_LIMIT:
        return _sort_permutation(key, size)[at]
    order = np.empty(at.shape, np.int64)
    for first in range(0, at.size, _BLOCK):
        block = slice(first, first + _BLOCK)
        order.reshape(-1)[block] = _walk(at.reshape(-1)[block].astype(np.uint64), key, size)
    return order


def _walk(value: NDArray[np.uint64], key: int, size: int) -> NDArray[np.uint64]:
    """The network, applied until each number is below `size`."""
    bits_needed = (size - 1).bit_length()
    value = _feistel(value, key, bits_needed)
    outside = np.flatnonzero(value >= size)
    while len(outside):
        value[outside] = _feistel(value[outside], key, bits_needed)
        outside = outside[value[outside] >= size]
    return value


def _feistel(value: NDArray[np.uint64], key: int, bits_needed: int) -> NDArray[np.uint64]:
    """A permutation of [0, 2^bits_needed): the upper and the lower half of the bits take turns at masking each other."""
    lower_bits = np.uint64((bits_needed + 1) // 2)
    masks = [(np.uint64(1) << count) - np.uint64(1) for count in (np.uint64(bits_needed) - lower_bits, lower_bits)]
    halves = [value >> lower_bits, value & masks[1]]
    for turn in range(_ROUNDS):
        secret = np.uint64((key + turn * int(_GOLDEN)) % 2**64)
        halves[turn % 2] ^= _mix(halves[1 - turn % 2] + secret) & masks[turn % 2]
    return (halves[0] << lower_bits) | halves[1]


def keep_bits(key: int, numbers: NDArray[np.uint32], out: NDArray[np.uint32], scratch: NDArray[np.uint32]) -> None:
    """32 random bits for each number of a stream, fast enough for a decision on every activation (dropout).

    Two rounds of a multiply-and-shift hash (the constants are those of C. Wellons's `lowbias32`) with half of the key
    before each, in 32-bit arithmetic that every engine and device has.

    Args:
        key: 64 bits from `key_of`.
        numbers: (N,) counters.
        out, scratch: (N,) filled; `out` with the bits.
    """
    np.add(numbers, np.uint32(key & 0xFFFFFFFF), out)
    for secret in (np.uint32(key >> 32), None):
        np.right_shift(out, np.uint32(16), scratch)
        np.bitwise_xor(out, scratch, out)
        np.multiply(out, np.uint32(0x7FEB352D), out)
        np.right_shift(out, np.uint32(15), scratch)
        np.bitwise_xor(out, scratch, out)
        if secret is not None:
            np.add(out, secret, out)
        np.multiply(out, np.uint32(0x846CA68B), out)
    np.right_shift(out, np.uint32(16), scratch)
    np.bitwise_xor(out, scratch, out)
