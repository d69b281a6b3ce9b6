"""Whatever a kernel would misread is refused before it sees a pointer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.kernels.library import Library, find_library
from fittool.kernels.signatures import SIGNATURES
from fittool.kernels.tasks import ARRAYS, NUMBERS, SIZES, ArgumentError, parameter

LIBRARY, REASON = find_library()
needs_kernels = pytest.mark.skipif(LIBRARY is None, reason=REASON)


def library() -> Library:
    assert LIBRARY is not None
    return LIBRARY


def arguments(**others: Any) -> dict[str, Any]:
    """A convolution of two images (5, 4, 3) with two filters (3, 2), and what is to be otherwise."""
    arrays = {
        "x": np.ones((2, 5, 4, 1, 3), np.float32),
        "kernel": np.ones((3, 2, 3, 1, 2), np.float32),
        "bias": np.zeros((1, 2), np.float32),
        "y": np.full((2, 3, 3, 1, 2), np.nan, np.float32),
    }
    window = {"top": 0, "left": 0, "stride_down": 1, "stride_across": 1, "step_down": 1, "step_across": 1}
    return {**arrays, **window, "rectified": False, **others}


@needs_kernels
def test_a_call_computes() -> None:
    given = arguments()
    library().task("convolution", **given)()
    np.testing.assert_array_equal(given["y"], np.full((2, 3, 3, 1, 2), 18, np.float32))


@needs_kernels
def test_what_is_optional_may_be_left_out() -> None:
    given = arguments(bias=None)
    library().task("convolution", **given)()
    assert given["y"].max() == 18


SOME = np.ones((2, 5, 4, 1, 3), np.float32)
LARGE = np.ones((4, 5, 4, 1, 3), np.float32)


@needs_kernels
@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"x": SOME.astype(np.float64)}, "x must be of float32, not float64"),
        ({"x": SOME.tolist()}, "x must be an array, not list"),
        ({"x": LARGE[::2]}, "x must be one aligned run of memory; its strides are"),
        ({"x": np.zeros(481, np.uint8)[1:].view(np.float32).reshape(2, 5, 4, 1, 3)}, "x must be one aligned run of memory"),
        ({"x": SOME[0]}, "x must have the axes N, H, W, G, D, not the shape"),
        ({"bias": np.zeros((1, 3), np.float32)}, "bias has the shape .1, 3., but O is 2 elsewhere"),
        ({"y": np.zeros((3, 3, 3, 1, 2), np.float32)}, "y has the shape .3, 3, 3, 1, 2., but N is 2 elsewhere"),
        ({"y": np.broadcast_to(np.float32(0), (2, 3, 3, 1, 2))}, "y must be one aligned run of memory"),
        ({"stride_down": 0}, "stride_down must be a whole number from 1, not 0"),
        ({"top": -1}, "top must be a whole number from 0, not -1"),
        ({"top": 1.0}, "top must be a whole number from 0, not 1.0"),
        ({"top": 1 << 50}, "top must be a whole number from 0"),
        ({"padding": 1}, "convolution takes no padding; it takes bias, kernel"),
    ],
)
def test_what_does_not_fit_is_refused(others: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        library().task("convolution", **arguments(**others))


@needs_kernels
def test_what_is_missing_is_named() -> None:
    given = arguments()
    del given["kernel"], given["left"]
    with pytest.raises(ArgumentError, match="convolution needs kernel, left"):
        library().task("convolution", **given)


@needs_kernels
def test_an_output_that_may_not_be_written_is_refused() -> None:
    given = arguments()
    given["y"].flags.writeable = False
    with pytest.raises(ArgumentError, match="y must be writeable"):
        library().task("convolution", **given)


@needs_kernels
def test_only_elementwise_kernels_may_write_over_what_they_read() -> None:
    memory = np.arange(-3, 5, dtype=np.float32)
    library().task("rectify", x=memory, y=memory)()
    np.testing.assert_array_equal(memory, [0, 0, 0, 0, 1, 2, 3, 4])
    with pytest.raises(ArgumentError, match="y and x share memory"):
        library().task("rectify", x=memory[1:], y=memory[:-1])
    images = np.ones((1, 3, 3, 1, 1), np.float32)
    kernel = np.ones((1, 1, 1, 1, 1), np.float32)
    with pytest.raises(ArgumentError, match="y and x share memory"):
        library().task("convolution", **arguments(x=images, y=images, kernel=kernel, bias=None))


@needs_kernels
def test_a_library_has_the_kernels_that_are_described() -> None:
    assert set(library().names) == set(SIGNATURES)


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_call_of_each_kernel_has_room(name: str) -> None:
    signature = SIGNATURES[name]
    parameters = signature.parameters()
    axes = {axis for one in parameters for axis in one.axes if not axis.isdecimal()}
    assert len(parameters) <= ARRAYS
    assert len(axes) + len(signature.integers) <= SIZES
    assert len(signature.numbers) <= NUMBERS
    names = {one.name for one in parameters}
    assert all(set(one.shares) <= names for one in parameters)


def test_the_notation_of_parameters() -> None:
    one = parameter("dx?!=dy,y:N,C:i64")
    assert (one.name, one.axes, one.dtype) == ("dx", ("N", "C"), np.dtype(np.int64))
    assert (one.optional, one.written, one.shares) == (True, True, ("dy", "y"))
