"""The gradient of an embedding by a kernel."""

from __future__ import annotations

import numpy as np
from engines.native_pair import Pair, needs_kernels

from fittool.data.batch import Batch
from fittool.kernels.library import open_library

pytestmark = needs_kernels


def test_rows_are_added_one_after_the_other() -> None:
    library = open_library("native")
    assert library is not None
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows, length, places = (int(rng.integers(1, most)) for most in (30, 40, 300))
        index, dy = rng.integers(0, rows, size=places), rng.normal(size=(places, length)).astype(np.float32)
        ours, theirs = np.full((rows, length), np.nan, np.float32), np.zeros((rows, length), np.float32)
        np.add.at(theirs, index, dy)
        library.task("add_rows_by_number", index=index, dy=dy, dtable=ours)()
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_no_row_is_passed_over() -> None:
    library, table = open_library("native"), np.full((2, 3), np.nan, np.float32)
    assert library is not None
    library.task("add_rows_by_number", index=np.array([-1, 1, 2, 1]), dy=np.ones((4, 3), np.float32), dtable=table)()
    np.testing.assert_array_equal(table, [[0, 0, 0], [2, 2, 2]])


def test_gradients_of_tables_agree_with_numpy() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rows, length, places = (int(rng.integers(1, most)) for most in (30, 40, 9))
        pair = Pair([{"Embedding": {"input_dim": rows, "output_dim": length}}], (places,), seed=seed, threads=1 + seed % 3)
        count = int(rng.choice([1, 2, 7, 40]))
        x = rng.integers(0, rows, size=(count, places))
        pair.step(Batch((x,), (rng.normal(size=(count, places, length)).astype(np.float32),)))
        pair.assert_close()
        assert pair.native._store.gradients.any()
        pair.close()


def test_the_gradient_has_a_kernel() -> None:
    pair = Pair([{"Embedding": {"input_dim": 3, "output_dim": 2}}], (4,))
    (instruction,) = pair.native._space.plan.instructions
    assert type(instruction.operation).__name__ == "NativeEmbedding"
    pair.close()
