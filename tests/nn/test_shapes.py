from __future__ import annotations

import pytest

from fittool.nn.shapes import ShapeError, feature_axis, transposed_count, transposed_padding, window_count, window_padding


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "count", "around"),
    [
        (5, 3, 1, "valid", 1, 3, (0, 0)), (5, 3, 2, "valid", 1, 2, (0, 0)), (6, 3, 2, "valid", 1, 2, (0, 0)),
        (5, 2, 1, "same", 1, 5, (0, 1)), (5, 3, 1, "same", 1, 5, (1, 1)), (6, 3, 2, "same", 1, 3, (0, 1)),
        (5, 3, 2, "same", 1, 3, (1, 1)), (5, 3, 1, "same", 2, 5, (2, 2)), (7, 3, 1, "valid", 3, 1, (0, 0)),
        (4, 1, 3, "same", 1, 2, (0, 0)), (5, 4, 1, "same", 1, 5, (1, 2)),
        (5, 3, 1, "causal", 1, 5, (2, 0)), (5, 3, 2, "causal", 1, 3, (2, 0)), (5, 2, 1, "causal", 3, 5, (3, 0)),
    ],
)  # fmt: skip
def test_windows_are_kerass(
    size: int, kernel: int, stride: int, padding: str, dilation: int, count: int, around: tuple[int, int]
) -> None:
    assert window_count(size, kernel, stride, padding, dilation) == count
    assert window_padding(size, kernel, stride, padding, dilation) == around


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "added", "count", "cut"),
    [
        (4, 3, 1, "valid", 1, None, 6, (0, 0)), (4, 3, 2, "valid", 1, None, 9, (0, 0)), (4, 2, 3, "valid", 1, None, 12, (0, 0)),
        (4, 3, 2, "valid", 1, 1, 10, (0, 0)), (4, 3, 1, "same", 1, None, 4, (1, 1)), (4, 3, 2, "same", 1, None, 8, (0, 1)),
        (4, 4, 2, "same", 1, None, 8, (1, 1)), (4, 3, 2, "same", 1, 0, 7, (1, 1)), (4, 1, 2, "same", 1, None, 8, (0, 0)),
        (4, 2, 1, "same", 2, None, 4, (1, 1)),
    ],
)  # fmt: skip
def test_transposed_windows_are_kerass(
    size: int, kernel: int, stride: int, padding: str, dilation: int, added: int | None, count: int, cut: tuple[int, int]
) -> None:
    assert transposed_count(size, kernel, stride, padding, dilation, added) == count
    assert transposed_padding(size, kernel, stride, padding, dilation, count) == cut


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="a window of 5 does not fit into 4"):
        window_count(4, 3, 1, "valid", 2)


@pytest.mark.parametrize(("axis", "index"), [(-1, 2), (1, 0), (3, 2), (-3, 0)])
def test_axes_count_the_batch(axis: int, index: int) -> None:
    assert feature_axis(axis, (4, 5, 6)) == index


@pytest.mark.parametrize("axis", [0, -4])
def test_the_batch_axis_is_refused(axis: int) -> None:
    with pytest.raises(ShapeError, match="is the batch axis; use 1 to 3"):
        feature_axis(axis, (4, 5, 6))


def test_an_axis_beyond_the_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match="there is no axis 4"):
        feature_axis(4, (4, 5, 6))
