"""Test-time augmentation: the mean of a network's outputs for an image as it is and for changed copies of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.augmentation.augment import augment
from fittool.data.batch import Array, Batch
from fittool.engines.base import Engine
from fittool.engines.registry import kernels_asked_for
from fittool.errors import UsageError
from fittool.experiment.building.transforms import preprocessing_of, random_part
from fittool.experiment.trained_run import TrainedRun

Outputs = tuple[NDArray[np.float32], ...]


class TestTimeAugmentation:
    """The way in which a run's network is asked.

    The copies are functions of the run's seed and of a sample's place in its data, so the same call gives the same numbers.

    Args:
        run: The run, whose own augmentation changes the copies.
        engine: Its network.
        views: How often it is asked for each sample: once for the sample as it is, else for changed copies.

    Attributes:
        engine: The network.

    Raises:
        UsageError: There is nothing that could change a copy.
    """

    def __init__(self, run: TrainedRun, engine: Engine, views: int = 1) -> None:
        experiment = run.loaded.experiment
        augmentation = experiment.any_augmentation
        self._random = None if augmentation is None else random_part(augmentation)
        if views > 1 and (self._random is None or not self._random.active):
            text = "--tta changes images as the run's augmentation: section says, but this run has none that changes images"
            raise UsageError(f"{text} at random. Leave --tta out.")
        self._preprocess = preprocessing_of(run.loaded)
        self.engine = engine
        self._kernels = kernels_asked_for(experiment.engine)
        self._views = views
        self._done = 0
        self._seed = rng.key_of(experiment.seed, "test-time augmentation")

    def batch_outputs(self, batch: Batch) -> Outputs:
        """The mean over all views for the next batch of the data, each output (N, …); batches come in their order."""
        self._done += batch.size
        return self.outputs(batch.inputs, np.arange(self._done - batch.size, self._done))

    def update_metrics(self, batch: Batch) -> Outputs:
        """Add the next batch to the engine's running values; gives the outputs, each (N, …)."""
        if self._views == 1:  # as training does, so that the loss of saturated outputs is taken from the logits here, too
            inputs = batch.inputs if self._preprocess is None else self._preprocess.inputs(batch.inputs)
            return self.engine.evaluate_step(replace(batch, inputs=inputs))
        outputs = self.batch_outputs(batch)
        self.engine.update_metrics(outputs, batch)
        return outputs

    def outputs(self, inputs: tuple[Array, ...], positions: NDArray[np.int64]) -> Outputs:
        """The mean over all views.

        Args:
            inputs: Of the network, each (N, …).
            positions: (N,) places of the samples in their data.

        Returns:
            One array (N, …) for each output.
        """
        total = [output.astype(np.float64) for output in self._ask(inputs)]
        for view in range(1, self._views):
            for place, output in enumerate(self._ask(self._change(inputs, view, positions))):
                total[place] += output
        return tuple((sums / self._views).astype(np.float32) for sums in total)

    def _ask(self, inputs: tuple[Array, ...]) -> Outputs:
        return self.engine.predict_step(inputs if self._preprocess is None else self._preprocess.inputs(inputs))

    def _change(self, inputs: tuple[Array, ...], view: int, positions: NDArray[np.int64]) -> tuple[Array, ...]:
        assert self._random is not None
        random = self._random
        places = self._seed, view, positions, positions
        return tuple(augment(random, array, *places, self._kernels) if array.ndim == 4 else array for array in inputs)
