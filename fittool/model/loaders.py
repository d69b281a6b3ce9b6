"""From what people hand to `fit` (arrays, generators, sequences) to the loaders that the trainer eats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fittool.data.batch import Array, Batch
from fittool.data.class_weights import ClassWeight, class_factors, per_sample
from fittool.data.dataset import ArrayDataset, Dataset
from fittool.data.loading import FOREVER
from fittool.data.loading.batch_loader import BatchLoader, ValidationLoader
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.splits.validation_split import split
from fittool.data.user_code.batch_function import IndexableBatches, is_sequence
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, ExperimentError
from fittool.model.arrays import inputs_of, is_ready, targets_of, weights_of
from fittool.model.checks.in_python import Doubts
from fittool.model.labels import numbered, text_labels
from fittool.model.network import Network
from fittool.nn.graph import Graph
from fittool.nn.shapes import Shape
from fittool.training.plan import Plan


def gives_batches(value: object) -> bool:
    """True for what gives batches one after the other: a generator, a function that makes one, a sequence of batches."""
    # Tensors and tables of other libraries can be iterated over too, but are data: `__array__` tells.
    if isinstance(value, np.ndarray | list | tuple | Mapping | str) or value is None or hasattr(value, "__array__"):
        return False
    return callable(value) or hasattr(value, "__iter__") or is_sequence(value)


@dataclass
class Reader:
    """Turns what people hand over into datasets and batches that fit one network.

    Args:
        network: The network, whose inputs and outputs arrays are held against.
        class_names: The name of each class, where labels are or were text.

    Attributes:
        doubts: Warns of settings that make no sense together.
    """

    network: Network
    class_names: tuple[str, ...] | None = None
    doubts: Doubts = field(default_factory=Doubts)

    @property
    def graph(self) -> Graph:
        """The network's layers."""
        return self.network.graph

    def dataset(self, x: Any, y: Any, sample_weight: Any, what: str = "", *, learns: bool = False) -> ArrayDataset:
        """Arrays as a dataset.

        Args:
            x: (N, …) inputs, or several.
            y: (N, …) targets, or several; names of classes where there is one output.
            sample_weight: (N,), or several, or None.
            what: What the arrays are called in messages, before their names.
            learns: Whether names of classes are learnt, where none are known.

        Raises:
            DataError: A ValueError: arrays are missing, hold NaN, or do not fit each other or the network.
        """
        inputs = inputs_of(x, self.graph.inputs, f"{what}x")
        targets = self._targets(y, f"{what}y", learns=learns)
        samples = len(next(iter(inputs.values())))
        weights = weights_of(sample_weight, self.graph.outputs, samples, f"{what}sample_weight")
        return ArrayDataset(inputs, targets, weights)

    def _targets(self, y: Any, what: str, *, learns: bool = False) -> tuple[Array, ...]:
        """The arrays for the network's outputs; names of classes become their numbers."""
        outputs = self.graph.outputs
        texts = text_labels(y) if len(outputs) == 1 else None
        if texts is None:
            return targets_of(y, outputs, what)
        if self.class_names is None and not learns:
            raise DataError(
                f"{what} holds names of classes, such as {str(texts[0])!r}, but the model does not know its classes yet. "
                'Set model.class_names = ["…", …], or fit it on arrays of labels first.'
            )
        compiled = self.network.compiled
        loss = None if compiled is None else compiled.objectives[outputs[0]].loss
        values, self.class_names = numbered(texts, loss, self.class_names, what)
        return (values,)

    def batch(self, x: Any, y: Any, sample_weight: Any) -> Batch:
        """Arrays, each (N, …), as one batch; errors as for `dataset`."""
        graph = self.graph
        if sample_weight is None and len(graph.inputs) == 1 and len(graph.outputs) == 1:
            # A loop of one's own comes by at every step, nearly always with arrays that are right as they are.
            (shape,) = graph.inputs.values()
            if is_ready(x, shape) and is_ready(y) and len(x) == len(y) > 0:
                return Batch((x,), (y,))
        data = self.dataset(x, y, sample_weight)
        return Batch(data.inputs, data.targets, data.sample_weight)

    def inputs(self, x: Any) -> tuple[Array, ...]:
        """Arrays of inputs alone, each (N, …); errors as for `dataset`."""
        return tuple(inputs_of(x, self.graph.inputs).values())

    def loader(self, x: Any, y: Any, sample_weight: Any, batch_size: int, what: str = "") -> ValidationLoader | GeneratorLoader:
        """Batches to measure on, from arrays or whatever gives batches; errors as for `dataset`."""
        if gives_batches(x):
            return GeneratorLoader(self.batches(x, "x"))
        return ValidationLoader(self.dataset(x, y, sample_weight, what), batch_size)

    def inputs_loader(self, x: Any, batch_size: int) -> BatchLoader:
        """Batches to predict on; errors as for `dataset`."""
        if gives_batches(x):
            return GeneratorLoader(self.batches(x, "x", only_inputs=True))
        return ValidationLoader(ArrayDataset(inputs_of(x, self.graph.inputs)), batch_size)

    def validation(self, data: Any, batch_size: int) -> BatchLoader | None:
        """Batches to validate on, or None.

        Args:
            data: `(x, y)`, `(x, y, sample_weight)`, whatever gives batches, or None.
            batch_size: Samples in a batch of arrays.

        Raises:
            ExperimentError: A ValueError: it is something else.
        """
        if data is None:
            return None
        if gives_batches(data):
            # As in Keras each validation begins at the first batch, and a generator would be at its end after one.
            return GeneratorLoader(self.batches(data, "validation_data", once_more=True))
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise ExperimentError("validation_data must be (x, y), (x, y, sample_weight), or give batches.")
        x, y, weight = (*data, None) if len(data) == 2 else data
        return self.loader(x, y, weight, batch_size, "validation ")

    def batches(
        self,
        given: Any,
        name: str,
        *,
        only_inputs: bool = False,
        once_more: bool = False,
        goes_on: bool = False,
        timeout: float = FOREVER,
    ) -> GeneratorData:
        """A generator, a function that makes one, or a sequence of batches.

        Args:
            given: What gives the batches.
            name: What it is called in messages.
            only_inputs: Whether targets are passed over.
            once_more: Whether a generator, which can be walked over only once, is remembered and given again.
            goes_on: Whether an iterator of fittool's goes on in mid-pass from where it was left.
            timeout: Seconds for the first batch.
        """
        return GeneratorData(
            _start_of_pass(given, once_more, goes_on),
            name,
            class_mode=None if only_inputs else "auto",
            convert=lambda item: self._item(item, name, only_inputs),
            timeout=timeout,
        )

    def _item(self, item: Any, name: str, only_inputs: bool) -> Any:
        """One item with its arrays in the network's order; what is no item is left for `GeneratorData` to refuse."""
        if only_inputs:
            x = item[0] if isinstance(item, tuple) else item
            return (tuple(inputs_of(x, self.graph.inputs, f"{name}: inputs").values()),)
        if not isinstance(item, tuple | list) or not 2 <= len(item) <= 3:
            return item
        inputs = tuple(inputs_of(item[0], self.graph.inputs, f"{name}: inputs").values())
        targets = self._targets(item[1], f"{name}: targets")
        weights = weights_of(item[2] if len(item) == 3 else None, self.graph.outputs, len(inputs[0]), f"{name}: sample_weights")
        return (inputs, targets) if weights is None else (inputs, targets, weights)


def _start_of_pass(given: Any, once_more: bool, goes_on: bool) -> Callable[[], Any]:
    """The start of a pass: a function is called, all else is walked over again, a generator from where it stands."""
    if is_sequence(given):
        return IndexableBatches(given, goes_on)
    if once_more and hasattr(given, "__next__"):
        return _remember(given)
    return given if callable(given) and not hasattr(given, "__iter__") else IndexableBatches(given)


def _remember(generator: Iterator[Any]) -> Callable[[], Iterator[Any]]:
    kept: list[Any] = []

    def again() -> Iterator[Any]:
        yield from kept
        for item in generator:
            kept.append(item)
            yield item

    return again


def target_shapes(loader: ValidationLoader | GeneratorLoader) -> list[Shape]:
    """Shape of the targets for each output, without the batch axis."""
    if isinstance(loader, GeneratorLoader):
        return [array.shape[1:] for array in loader.source.first.targets]
    return [array.shape[1:] for array in loader.dataset.load(np.zeros(1, np.int64))[1]]


def first_step(steps_per_pass: int, plan: Plan, epochs_done: int) -> int:
    """The batch of a loader with which a training begins.

    One that goes on where the last one ended takes the next batch. Any other begins a pass, as Keras does, and no earlier
    one than the model has seen, so that each has its own order.

    Args:
        steps_per_pass: Batches in a pass over the training data.
        plan: How long to train.
        epochs_done: How many epochs the model was trained before.
    """
    before = max(epochs_done, plan.initial_epoch) * (plan.steps_per_epoch or steps_per_pass)
    if plan.initial_epoch == epochs_done:
        return before
    return -(-before // steps_per_pass) * steps_per_pass


def split_off(dataset: ArrayDataset, validation_split: float) -> tuple[Dataset, Dataset | None]:
    """Training and validation part; the last part is for validation.

    Raises:
        ExperimentError: A ValueError: the share is not from 0 to 1.
        DataError: A ValueError: a part is empty.
    """
    if not 0 <= validation_split < 1:
        raise ExperimentError(f"validation_split must be at least 0 and less than 1; got {validation_split}.")
    if not validation_split:
        return dataset, None
    parts = split(dataset, validation_split)
    return parts.train, parts.validation


def name_classes(dataset: ArrayDataset, outputs: Sequence[Shape], names: Sequence[str] = ()) -> ArrayDataset:
    """The same data with a name for each class that the network can answer, its number where it has none, for class weights.

    Raises:
        ExperimentError: A ValueError: there are several outputs, or the targets are no classes.
    """
    labels = dataset.labels()
    if labels is None or len(outputs) > 1:
        found = "several outputs" if len(outputs) > 1 else "targets that are no classes"
        raise ExperimentError(f"class_weight needs one output with classes, but there are {found}. Use sample_weight.")
    places = outputs[0][-1] if outputs[0] else 1
    count = max(places, 2, int(labels.max()) + 1)
    inputs = dict(zip(dataset.input_shapes, dataset.inputs, strict=True))
    class_names = (*names, *map(str, range(len(names), count)))
    return ArrayDataset(inputs, dataset.targets, dataset.sample_weight, class_names=class_names, labels=labels)


def weighted(batch: Batch, class_weight: ClassWeight, outputs: Sequence[Shape], names: Sequence[str] = ()) -> Batch:
    """A batch whose sample weights, (N,), are multiplied with those of the classes; errors as for `named_classes`."""
    inputs = {str(number): array for number, array in enumerate(batch.inputs)}
    data = name_classes(ArrayDataset(inputs, batch.targets, batch.sample_weight), outputs, names)
    labels = data.labels()
    assert labels is not None
    factors = class_factors(class_weight, data.class_names, labels)
    return replace(batch, sample_weight=per_sample(factors, labels, batch.sample_weight))
