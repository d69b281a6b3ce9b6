"""From the arguments of `fit` and `fit_generator` to the loaders and the plan that the trainer takes.

Each argument belongs to one class, in both:

| argument | class |
| --- | --- |
| `x`, `y`, `sample_weight` | `ArrayDataset`, by way of `Reader` |
| `x` that gives batches, `generator` | `GeneratorData`, in a `GeneratorLoader` |
| `batch_size`, `shuffle`, `class_weight` | `DatasetLoader` |
| `class_weight`, `max_queue_size`, `workers`, `use_multiprocessing` | `GeneratorLoader` |
| `epochs`, `initial_epoch`, `steps_per_epoch`, `validation_steps`, `validation_freq` | `Plan` |
| `validation_split` | `Subset`, one for each part |
| `validation_data`, `validation_batch_size` | `ValidationLoader`, or `GeneratorLoader` for what gives batches |
| `callbacks`, `view_metrics` | `CallbackGroup`, by way of `Trainer` |
| `verbose` | `Progress` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fittool.data.class_weights import ClassWeight
from fittool.data.dataset import Dataset
from fittool.data.loading.batch_loader import BatchLoader, DatasetLoader, ValidationLoader
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError
from fittool.model.adaptation import adapt_once
from fittool.model.arguments import BATCH_SIZE, batch_size_of, check_bool, check_int, check_int_or_none
from fittool.model.loaders import Reader, first_step, gives_batches, name_classes, split_off, target_shapes
from fittool.model.target_forms import target_forms
from fittool.nn.objectives import check_objectives
from fittool.nn.shapes import Shape
from fittool.training.plan import Plan

_TIMEOUT = 600.0  # seconds that a worker may take for a batch, as in an experiment


@dataclass(frozen=True)
class Fitting:
    """Everything that a training walks over.

    Attributes:
        train: The batches to train on.
        validation: The batches to validate on, or None.
        plan: How long, and when to validate.
        target_shapes: Shape of the targets of each output, without the batch axis.
    """

    train: BatchLoader
    validation: BatchLoader | None
    plan: Plan
    target_shapes: Sequence[Shape]


def fit_arrays(
    reader: Reader,
    x: Any,
    y: Any,
    sample_weight: Any,
    plan: Plan,
    *,
    batch_size: int | None,
    shuffle: bool,
    class_weight: ClassWeight | None,
    validation_split: float,
    validation_data: Any,
    validation_batch_size: int | None,
    seed: int,
    epochs_done: int,
) -> Fitting:
    """The loaders of a training on arrays; layers that adapt to data take their statistics.

    Args:
        reader: Knows the network, and turns arrays into datasets.
        x, y, sample_weight: As in `Model.fit`.
        plan: How long to train.
        batch_size, shuffle, class_weight, validation_split, validation_data, validation_batch_size: As in `Model.fit`.
        seed: The model's, for the order of the samples.
        epochs_done: How many epochs the model was trained before.

    Raises:
        ValueError, TypeError: An argument is wrong.
    """
    data = reader.dataset(x, y, sample_weight, learns=True)
    _check_data(reader, data, "y", class_weight)
    size = batch_size_of(batch_size, plan, len(data))
    if class_weight is not None:
        data = name_classes(data, list(reader.graph.output_shapes.values()), reader.class_names or ())
    # As in Keras, `validation_data` wins over `validation_split`.
    train, cut_off = split_off(data, 0.0 if validation_data is not None else validation_split)
    # After the split: statistics of the validation samples would leak into the network.
    adapt_once(reader.network, train)
    steps = -(-len(train) // size)
    begun = plan.initial_epoch * (plan.steps_per_epoch or steps)
    loader = DatasetLoader(
        train, size, seed, shuffle=check_bool("shuffle", shuffle), class_weight=class_weight,
        offset=first_step(steps, plan, epochs_done) - begun,
    )  # fmt: skip
    size_of_validation = check_int_or_none("validation_batch_size", validation_batch_size) or size
    validation = _validation(reader, validation_data, cut_off, size_of_validation)
    return Fitting(loader, validation, plan, [array.shape[1:] for array in data.targets])


def fit_batches(
    reader: Reader,
    generator: Any,
    plan: Plan,
    *,
    class_weight: ClassWeight | None,
    validation_data: Any,
    validation_batch_size: int | None,
    workers: int,
    max_queue_size: int,
    use_multiprocessing: bool,
) -> Fitting:
    """The loaders of a training on batches that user code makes.

    Args:
        reader: Knows the network, and puts the arrays of each batch in its order.
        generator: As in `Model.fit_generator`.
        plan: How long to train.
        class_weight, validation_data, validation_batch_size, workers, max_queue_size, use_multiprocessing: As there.

    Raises:
        ValueError, TypeError: An argument is wrong.
        UserCodeError: The first batch could not be made.
    """
    if not gives_batches(generator):
        raise ExperimentError("fit_generator needs a generator or a sequence of batches; give arrays to fit.")
    if reader.class_names is None and getattr(generator, "class_indices", None):
        reader.class_names = tuple(map(str, generator.class_indices))
    source = reader.batches(generator, "generator", goes_on=True)
    # The length is known once the first batch is made, which also tells how many batches the workers may ask for.
    length = plan.steps_per_epoch or source.batches_per_pass
    loader = GeneratorLoader(
        source,
        class_weight=class_weight,
        workers=check_int("workers", workers, 0),
        max_queue_size=check_int("max_queue_size", max_queue_size),
        use_multiprocessing=check_bool("use_multiprocessing", use_multiprocessing),
        timeout=_TIMEOUT,
        steps=None if length is None else length * max(plan.epochs - plan.initial_epoch, 0),
        offset=-plan.initial_epoch * (length or 0),
    )
    _check_data(reader, source, "generator", class_weight)
    size = check_int_or_none("validation_batch_size", validation_batch_size) or BATCH_SIZE
    return Fitting(loader, _validation(reader, validation_data, None, size), plan, target_shapes(loader))


def _check_data(reader: Reader, data: Dataset | GeneratorData, source: str, class_weight: ClassWeight | None) -> None:
    """Loss and metrics against the targets, before training instead of in a batch of it; then what may not be meant."""
    objectives = reader.network.needs_compile().objectives
    check_objectives(objectives, target_forms(data, source), reader.graph.output_shapes)
    reader.doubts.of_data(reader.graph, objectives, data, reader.class_names, class_weight)


def _validation(reader: Reader, data: Any, cut_off: Dataset | None, batch_size: int) -> BatchLoader | None:
    """The batches to validate on: those given, else the part that was split off."""
    if cut_off is not None:
        return ValidationLoader(cut_off, batch_size)
    return reader.validation(data, batch_size)
