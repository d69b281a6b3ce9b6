"""Samples that an engine holds: batches of them are those that a loader makes, and nobody waits for the device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engines.test_torch_engine import Waits

from fittool.augmentation.augment import augment
from fittool.augmentation.mixing import mix, mixes
from fittool.augmentation.settings import Augmentation
from fittool.data.batch import Batch
from fittool.data.batch_transforms import BatchTransforms
from fittool.data.dataset import ArrayDataset, Dataset, Subset
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.loading.selection import Selection
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.settings import Torch
from fittool.errors import DataError, ExperimentError, MachineError
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from fittool.nn.metrics import CategoricalAccuracy
from fittool.nn.optimizers import Adam

torch = pytest.importorskip("torch")

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (50, 8, 6, 3), np.uint8)
CLASSES = GENERATOR.integers(0, 3, 50)
ROWS = np.eye(3, dtype=np.float32)[CLASSES]
WEIGHTS = GENERATOR.random(50).astype(np.float32)
TURNED = Augmentation(rotation_range=30, horizontal_flip=True, brightness_range=(0.5, 1.5))
ALTERNATING = Augmentation(horizontal_flip="alternating")


def graph() -> Graph:
    return Graph.build([nn.Flatten(), nn.Dense(3, "softmax")], {"images": (8, 6, 3)})


def engine(**options: Any) -> Any:
    from fittool.engines.torch_engine import TorchEngine

    options = {"loss": CategoricalCrossentropy(), "metrics": (CategoricalAccuracy(),), "target_shape": (3,), **options}
    return TorchEngine(graph(), Torch("cpu", threads=1), optimizer=Adam(0.01), seed=1, **options)


def transforms(augmentation: Augmentation | None, until: int | None = None) -> BatchTransforms | None:
    if augmentation is None:
        return None
    mixing = partial(mix, augmentation) if mixes(augmentation) else None
    return BatchTransforms(partial(augment, augmentation) if augmentation.active else None, mix=mixing, until_step=until)


Case = tuple[Callable[[], Dataset], Augmentation | None, dict[str, Any]]
CASES: dict[str, Case] = {
    "as they are": (lambda: ArrayDataset(IMAGES, (ROWS,)), None, {}),
    "in their order": (lambda: ArrayDataset(IMAGES, (ROWS,)), None, {"shuffle": False}),
    "augmented": (lambda: ArrayDataset(IMAGES, (ROWS,)), TURNED, {}),
    "a part": (lambda: Subset(Subset(ArrayDataset(IMAGES, (ROWS,)), np.arange(1, 50, 2)), np.arange(20)[::-1]), TURNED, {}),
    "alternating": (lambda: Subset(ArrayDataset(IMAGES, (ROWS,)), np.arange(9, 49)), ALTERNATING, {}),
    "weighted": (lambda: ArrayDataset(IMAGES, (ROWS,), WEIGHTS), TURNED, {"class_weight": {0: 2.0, 1: 0.5}}),
    "weighted by class": (lambda: ArrayDataset(IMAGES, (ROWS,)), None, {"class_weight": {0: 2.0}}),
    "weights of a part": (lambda: Subset(ArrayDataset(IMAGES, (ROWS,), WEIGHTS), np.arange(30)[::-1]), None, {}),
    "mixed": (lambda: ArrayDataset(IMAGES, (ROWS,)), Augmentation(mixup=0.3), {}),
    "mixed with weights": (lambda: ArrayDataset(IMAGES, (ROWS,), WEIGHTS), Augmentation(mixup=0.3, rotation_range=9), {}),
    "pasted": (lambda: ArrayDataset(IMAGES, (ROWS,)), Augmentation(cutmix=1, vertical_flip=True), {}),
    "mixed or pasted": (lambda: ArrayDataset(IMAGES, (ROWS,), WEIGHTS), Augmentation(mixup=0.3, cutmix=1), {}),
    "images to images": (lambda: (lambda both: ArrayDataset({"input": both[0]}, both))((IMAGES,)), TURNED, {}),
    "two inputs": (lambda: ArrayDataset({"images": IMAGES, "numbers": WEIGHTS[:, None]}, (ROWS, CLASSES)), TURNED, {}),
    "two outputs mixed": (
        lambda: ArrayDataset(IMAGES, (ROWS, WEIGHTS), np.stack([WEIGHTS, WEIGHTS**2], axis=1)), Augmentation(mixup=1), {},
    ),
}  # fmt: skip


def arrays(batch: Any) -> list[np.ndarray]:
    weight = () if batch.sample_weight is None else (batch.sample_weight,)
    return [np.asarray(array) for array in (*batch.inputs, *batch.targets, *weight)]


@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_batches_are_those_of_the_loader(name: str, rank: int) -> None:
    """Over two passes, alone and as the part of one of three processes; the last batch is short."""
    from fittool.engines.torch_engine.device import Placement, choose_device
    from fittool.engines.torch_engine.held_samples import HeldSamples

    make, augmentation, options = CASES[name]
    group: Any = SimpleNamespace(rank=rank, size=3) if rank else SimpleNamespace(rank=0, size=1)
    loaders = [DatasetLoader(make(), 16, 5, augment=transforms(augmentation, 6), group=group, **options) for _ in range(2)]
    selection = Selection.of(loaders[1].dataset, augmentation)
    assert selection is not None
    held = HeldSamples(Placement(choose_device("cpu")))
    held.hold(selection.dataset)
    loaders[1].select_from(selection)
    expected, found = (list(islice(loader.batches(0), 8)) for loader in loaders)
    for one, other in zip(expected, found, strict=True):
        batch = held.batch(other)  # type: ignore[arg-type]
        assert (
            (batch.size, batch.first, batch.shared)
            == (one.size, one.first, one.shared)
            == (other.size, other.first, other.shared)
        )
        for array, tensor in zip(arrays(one), arrays(batch), strict=True):
            assert (array.shape, array.dtype) == (tensor.shape, tensor.dtype)
            np.testing.assert_allclose(tensor, array, rtol=1e-6, atol=1e-6)


def test_threads_make_batches_of_held_samples_and_processes_are_not_started() -> None:
    selection = Selection.of(ArrayDataset(IMAGES, (ROWS,)), TURNED)
    assert selection is not None
    loader = DatasetLoader(selection.dataset, 16, 5, augment=transforms(TURNED), workers=2, use_multiprocessing=True)
    loader.select_from(selection)
    batches = loader.batches(0)
    assert [next(batches).size for _ in range(4)] == [16, 16, 16, 2]
    batches.close()  # type: ignore[attr-defined]


def test_a_step_on_held_samples_reads_nothing_from_the_device() -> None:
    changes = Augmentation(
        rotation_range=20,
        fill_mode="constant",
        channel_shift_range=9,
        contrast_range=(0.5, 1.5),
        hue_range=20,
        blur=(0.5, 1),
        mixup=1,
    )
    made, waits = engine(skips_bad_steps=True), Waits()
    selection = Selection.of(ArrayDataset(IMAGES, (ROWS,), WEIGHTS), changes)
    assert selection is not None
    made.hold(selection.dataset)
    loader = DatasetLoader(selection.dataset, 16, 5, augment=transforms(changes))
    loader.select_from(selection)
    batches = list(islice(loader.batches(0), 3))
    made.train_step(batches[0])
    with waits.mode:
        for batch in batches:
            made.train_step(made.put(batch))
    assert waits.seen["index_select"] > 10
    assert waits.count == 0


def test_only_arrays_can_be_held() -> None:
    class Files:
        """Samples that are read when they are asked for."""

    assert Selection.of(Files()) is None  # type: ignore[arg-type]


def test_samples_stay_when_other_layers_learn_and_go_with_the_engine() -> None:
    made, dataset = engine(), ArrayDataset(IMAGES, (ROWS,))
    made.hold(dataset)
    made.hold(dataset)
    assert len(made._held._held) == 1
    made.set_trainable([])
    selection = Selection.of(dataset)
    assert selection is not None
    loader = DatasetLoader(dataset, 16)
    loader.select_from(selection)
    made.test_step(next(iter(loader.batches(0))))
    made.close()
    assert not made._held._held


def test_targets_are_looked_at_when_they_are_held() -> None:
    made = engine(loss=SparseCategoricalCrossentropy(), metrics=(), target_shape=())
    with pytest.raises(DataError, match="class number 3, but the network's output has places for 0 to 2"):
        made.hold(ArrayDataset(IMAGES, (CLASSES + 1,)))


def test_samples_that_do_not_fit_say_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card with less memory than the samples need, as far as one can be had without a card."""
    from fittool.engines.torch_engine import held_samples

    monkeypatch.setattr(held_samples, "free_memory", lambda device: 7000)
    monkeypatch.setattr(held_samples, "memory_text", lambda device: "which has 8.0 GiB: 0.5 are this process's, 0.0 are free")
    made = engine()
    # No processor's memory, so the samples would have to be copied.
    made._placement.device, made._placement.is_host = torch.device("meta"), False
    with pytest.raises(MachineError, match=r"50 samples need 1 MiB in the memory of meta, which has 8\.0 GiB.*data\.cache: ram"):
        made.hold(ArrayDataset(IMAGES, (ROWS,)))


def test_the_numpy_engine_holds_nothing_and_says_what_to_set() -> None:
    made = NumpyEngine(graph(), threads=1, loss=CategoricalCrossentropy(), target_shape=(3,))
    with pytest.raises(ExperimentError, match=r"Set data\.cache: ram, or engine: torch"):
        made.hold(ArrayDataset(IMAGES, (ROWS,)))
    made.close()


def test_a_batch_of_arrays_still_enters() -> None:
    made = engine()
    made.hold(ArrayDataset(IMAGES, (ROWS,)))
    made.train_step(Batch((IMAGES[:4],), (ROWS[:4],)))
    assert made.iterations == 1
