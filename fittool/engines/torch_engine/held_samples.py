"""Samples in the memory of the device: copied there once, then indexed, changed and mixed there, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fittool.augmentation.mixing import Mixing
from fittool.data.available_memory import size_in_words
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.selected_batch import SelectedBatch
from fittool.engines.torch_engine.device import DeviceBatch, Placement, host_tensor
from fittool.engines.torch_engine.images.changes import change
from fittool.engines.torch_engine.images.cover import between, paste
from fittool.engines.torch_engine.memory.device_memory import free_memory, memory_text
from fittool.errors import MachineError

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class _Held:
    """The samples of one dataset on the device; the dataset is kept, so that no other takes its place in memory."""

    dataset: ArrayDataset
    inputs: Tensors
    targets: Tensors


class HeldSamples:
    """The samples of some datasets on a device.

    Args:
        placement: The device.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._held: dict[int, _Held] = {}

    def hold(self, dataset: ArrayDataset) -> None:
        """Copy the samples of a dataset to the device, unless they are there.

        Raises:
            MachineError: They do not fit.
        """
        if id(dataset) in self._held:
            return
        self._check_room(dataset)
        inputs = tuple(self._copied(array) for array in dataset.inputs)
        targets = inputs if dataset.targets is dataset.inputs else tuple(self._copied(array) for array in dataset.targets)
        self._placement.settle()
        self._held[id(dataset)] = _Held(dataset, inputs, targets)

    def _copied(self, array: NDArray[Any]) -> Tensor:
        # Not pinned: that would take the room of the whole data set once more, in memory that cannot be swapped.
        return host_tensor(array).to(self._placement.device)

    def _check_room(self, dataset: ArrayDataset) -> None:
        device = self._placement.device
        needed, free = bytes_of(dataset), free_memory(device)
        if self._placement.is_host or free is None or needed <= free:
            return
        text = f"{len(dataset):,} samples need {size_in_words(needed)} in the memory of {device}, {memory_text(device)}."
        raise MachineError(f"{text} Set data.cache: ram, a smaller data.image.size, or data.fraction.")

    def clear(self) -> None:
        """Give the memory back."""
        self._held.clear()

    def batch(self, batch: SelectedBatch) -> DeviceBatch:
        """The samples of a batch, changed and mixed, as tensors."""
        with self._placement.transfer() as arrived:
            held = self._held[id(batch.dataset)]
            indices = arrived.of(batch.indices)
            drawn = [tensor.index_select(0, indices) for tensor in held.inputs]
            inputs = tuple(
                images if changes is None else change(images, changes, arrived.of)
                for images, changes in zip(drawn, batch.changes, strict=True)
            )
            same = held.targets is held.inputs
            targets = inputs if same else tuple(tensor.index_select(0, indices) for tensor in held.targets)
            weight = batch.sample_weight
            if batch.mixing is not None:
                inputs, targets, weight = _mixed(batch.mixing, inputs, targets, weight, arrived.of)
            if batch.part is not None:
                inputs, targets = (tuple(tensor[batch.part] for tensor in tensors) for tensors in (inputs, targets))
                weight = None if weight is None else weight[batch.part]
            weights = None if weight is None else arrived.of(weight)
        return DeviceBatch(inputs, targets, weights, batch.first, batch.shared, arrived.event)  # type: ignore[arg-type]


def _mixed(
    mixing: Mixing, inputs: Tensors, targets: Tensors, sample_weight: NDArray[Any] | None, arrived: Any
) -> tuple[Tensors, Tensors, NDArray[np.float32] | None]:
    """The mixed inputs and targets, (N, …) each, and the mixed weights on the host."""
    partner = arrived(mixing.partner)
    if mixing.box is not None:
        mixed = tuple(paste(images, partner, mixing.box) for images in inputs)
    else:
        mixed = tuple(between(images, partner, float(np.float32(mixing.share))) for images in inputs)
    shares, weight = mixing.weigh(sample_weight)
    if targets is inputs:
        return mixed, mixed, weight
    of_output = [shares if shares.ndim < 2 else shares[:, output] for output in range(len(targets))]
    sent = [float(share) if share.ndim == 0 else arrived(np.ascontiguousarray(share)) for share in of_output]
    return mixed, tuple(between(y, partner, share) for y, share in zip(targets, sent, strict=True)), weight


def bytes_of(dataset: ArrayDataset) -> int:
    """The bytes that the samples of a dataset take on a device."""
    targets = () if dataset.targets is dataset.inputs else dataset.targets
    return sum(array.nbytes for array in (*dataset.inputs, *targets))
