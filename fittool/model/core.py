"""Keras's `Model` on fittool's own trainer: compile, fit, evaluate, predict, single batches, weights, files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.control import Control
from fittool.data.batch import Batch
from fittool.data.class_weights import ClassWeight
from fittool.data.dataset import Dataset
from fittool.data.loading.batch_loader import BatchLoader, DatasetLoader, ValidationLoader
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.errors import ExperimentError
from fittool.model.arguments import BATCH_SIZE, batch_size_of, page_of, plan_of, truth, verbosity, whole, whole_or_none
from fittool.model.attach import Attach
from fittool.model.compiled import Compiled, compiled
from fittool.model.file_recorder import FileRecorder
from fittool.model.loaders import (
    OffsetLoader,
    Reader,
    first_step,
    gives_batches,
    named_classes,
    split_off,
    target_shapes,
    weighted,
)
from fittool.model.machine import Machine, OptimizerView
from fittool.model.measuring import measured, predicted
from fittool.model.parsing import callbacks_of, parsed
from fittool.model.saving import facts_of, save_model
from fittool.nn.graph import Graph
from fittool.nn.layers import LAYERS
from fittool.nn.objectives import directions
from fittool.nn.shapes import Shape
from fittool.nn.summary import table
from fittool.training.adaptation import adapt, adapting
from fittool.training.display.progress import make_progress
from fittool.training.history import History
from fittool.training.plan import Plan
from fittool.training.trainer import Trainer

_TIMEOUT = 600.0  # seconds that a worker may take for a batch, as in an experiment


class Model:
    """A network with everything that Keras's `Model` does, and the same numbers.

    Where Keras has a trap, fittool does the better thing: the order of the samples depends on the seed and goes on from
    one `fit` to the next, `class_weight` works together with `sample_weight` and with generators, a watched name that
    does not exist is an error before training.

    Args:
        layers: Layers as objects, names, or names with arguments: a chain, or with the layers' `inputs` any graph.
        input_shape: Shape of the only input without the axis of samples; for several inputs their shapes by name.
        inputs: The same for several inputs.
        outputs: Names of the layers that are the outputs; by default the last.
        engine: What computes: `numpy`, or `auto`.
        seed: Decides starting weights, the order of samples and dropout.
        threads: How many threads compute; by default all processors. Results do not depend on it.

    Attributes:
        layers: The layers.
        graph: The network.
        seed: The seed.
        history: The history of the last `fit`, or None.
        epochs_done: How many epochs the model was trained in its life.
        run: The training under way, or None.

    Raises:
        ExperimentError: A ValueError: the layers do not make a network.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
        *,
        inputs: Mapping[str, Sequence[int]] | None = None,
        outputs: Sequence[str] | str | None = None,
        engine: str = "numpy",
        seed: int = 7,
        threads: int | None = None,
    ) -> None:
        if (input_shape is None) == (inputs is None):
            raise ExperimentError("Give input_shape for one input, or inputs={name: shape} for several.")
        if engine not in ("numpy", "auto"):
            raise ExperimentError(f"engine must be numpy or auto; got {engine!r}.")
        shapes: Any = inputs if input_shape is None else input_shape
        shapes = shapes if isinstance(shapes, Mapping) else {"input": shapes}
        self.layers = [parsed(f"layers[{number}]", LAYERS, layer) for number, layer in enumerate(layers)]
        self.graph = Graph.build(
            self.layers,
            {name: tuple(whole("a size of input_shape", size) for size in shape) for name, shape in shapes.items()},
            (outputs,) if isinstance(outputs, str) else outputs,
        )
        self.seed = seed
        self.history: History | None = None
        self.epochs_done = 0
        self.run: Control | None = None
        self._reader = Reader(self.graph)
        self._machine = Machine(self.graph, seed, None if threads is None else whole("threads", threads))

    def compile(
        self,
        optimizer: object = "rmsprop",
        loss: object = None,
        loss_weights: object = None,
        metrics: object = None,
        weighted_metrics: object = None,
    ) -> None:
        """Say how the model trains. Weights stay, the optimizer begins anew.

        Args:
            optimizer: A name, a mapping of a name to its arguments, or an object of `fittool.optimizers`.
            loss: The same; for several outputs one for all, a list, or a mapping by the outputs' names.
            loss_weights: What each loss counts in the total: a number, a list, or a mapping by names.
            metrics: A list of names, mappings or objects; for several outputs one entry for each, or a mapping by names.
            weighted_metrics: The same; measured with sample weights and divided by their sum.

        Raises:
            ExperimentError: A ValueError that names the argument.
        """
        self._machine.compile(
            compiled(
                self.graph.outputs,
                optimizer=optimizer,
                loss=loss,
                metrics=metrics,
                weighted_metrics=weighted_metrics,
                loss_weights=loss_weights,
            )
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 10,
        verbose: Any = None,
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: ClassWeight | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train; a further `fit` goes on with weights, optimizer and order.

        Args:
            x: (N, …) inputs; for several inputs a list or a mapping by names. Or whatever `fit_generator` takes.
            y: (N, …) targets; for several outputs a list or a mapping by names.
            batch_size: Samples in a batch, 32 by default; the last of a pass may have fewer.
            epochs: The number of the last epoch, not a count.
            verbose: 0: nothing; 1: a live line on a terminal; 2: one line an epoch; by default FITTOOL_VERBOSE, else 1.
            callbacks: Objects of `fittool.callbacks`, names, mappings of a name to its arguments, or own ones.
            validation_split: Share of the samples to validate on: the last ones, before any shuffling.
            validation_data: `(x, y)`, `(x, y, sample_weight)`, or whatever `fit_generator` takes; wins over the split.
            shuffle: Whether each epoch has its own order, a function of the seed and the epochs of the model's life.
            class_weight: The weight of each class by number, or `balanced`; multiplied with `sample_weight`.
            sample_weight: (N,) the weight of each sample in the loss; for several outputs a list or a mapping is welcome.
            initial_epoch: Epochs that count as done.
            steps_per_epoch: Batches in an epoch, which goes on where the last one stopped; by default all samples once.
            validation_steps: Batches in a validation, the same ones each time; by default all.
            validation_batch_size: Samples in a batch of the validation; by default `batch_size`.
            validation_freq: Validate after every so many epochs, or after the epochs of these numbers (from 1).

        Returns:
            `history`, a mapping of Keras's names to a list with one value for each epoch; `epoch`; `params`.

        Raises:
            ValueError, TypeError: An argument is wrong; found before training.
        """
        if gives_batches(x):
            if y is not None or sample_weight is not None or validation_split:
                raise ExperimentError("y, sample_weight and validation_split go with arrays; x gives batches with all of that.")
            return self.fit_generator(
                x, steps_per_epoch, epochs, verbose, callbacks, view_metrics=False, validation_data=validation_data, workers=0,
                validation_steps=validation_steps, class_weight=class_weight, initial_epoch=initial_epoch,
                validation_freq=validation_freq, validation_batch_size=validation_batch_size,
            )  # fmt: skip
        plan = plan_of(epochs, initial_epoch, steps_per_epoch, validation_steps, validation_freq, within_pass=True)
        data = self._reader.dataset(x, y, sample_weight)
        size = batch_size_of(batch_size, plan, len(data))
        data = data if class_weight is None else named_classes(data, self._output_shapes)
        train, cut_off = split_off(data, 0.0 if validation_data is not None else validation_split)
        self._adapt(train, [array.shape[1:] for array in data.targets])
        loader = DatasetLoader(train, size, self.seed, shuffle=truth("shuffle", shuffle), class_weight=class_weight)
        size_of_validation = whole_or_none("validation_batch_size", validation_batch_size) or size
        validation = self._reader.validation(validation_data, size_of_validation)
        if cut_off is not None:
            validation = ValidationLoader(cut_off, size_of_validation)
        shifted = OffsetLoader(
            loader, first_step(loader, plan, self.epochs_done) - plan.initial_epoch * (plan.steps(loader) or 0)
        )
        return self._train(shifted, validation, plan, callbacks, verbose, [array.shape[1:] for array in data.targets])

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: Any = None,
        callbacks: Any = None,
        view_metrics: bool | Literal["auto"] = "auto",
        validation_data: Any = None,
        validation_steps: int | None = None,
        class_weight: ClassWeight | None = None,
        max_queue_size: int = 10,
        workers: int = 1,
        initial_epoch: int = 0,
        validation_freq: int | Sequence[int] = 1,
        validation_batch_size: int | None = None,
        use_multiprocessing: bool = False,
    ) -> History:
        """Train on batches that user code makes.

        Args:
            generator: Gives `(inputs, targets)` or `(inputs, targets, sample_weights)`: a generator, whose epochs follow
                each other; or what begins anew in each epoch: a function that makes a generator, an iterable, or a sequence
                of batches with `__len__` and `__getitem__`, whose `on_epoch_end` is called where it has one.
            steps_per_epoch: Batches in an epoch; needed where the generator does not end.
            epochs: The number of the last epoch, not a count.
            verbose, callbacks, validation_data, validation_steps, initial_epoch, validation_freq: As in `fit`.
            view_metrics: Whether the page `report.html` is kept in the working directory while training; needs the extra
                `report`. auto: FITTOOL_VIEW_METRICS, else where the extra is there and there is more than one epoch.
            class_weight: The weight of each class by number, multiplied with the samples' own. `balanced` counts the labels
                of a sequence before training, and those of the batches so far of a generator.
            max_queue_size: Batches that are under way or wait, ready made.
            workers: 0 makes each batch when it is asked for; else a thread makes them ahead, or `workers` of them if
                `generator` is an iterator of `ImageDataGenerator`. More than ten minutes for a batch is an error.
            validation_batch_size: Samples in a batch of validation arrays, 32 by default.
            use_multiprocessing: Whether a process makes the batches instead of a thread, or `workers` of them if `generator`
                is a sequence without `on_epoch_end`, or an iterator of `ImageDataGenerator`. What makes the batches is sent
                there: a function or a sequence can be, a generator cannot. A program's main file must train below
                `if __name__ == "__main__":`.

        Returns:
            As `fit`.

        Raises:
            ValueError, TypeError: An argument is wrong.
            UserCodeError: The user's code raised, or ended before all steps were done; the text names both numbers.
        """
        if not gives_batches(generator):
            raise ExperimentError("fit_generator needs a generator or a sequence of batches; give arrays to fit.")
        plan = plan_of(epochs, initial_epoch, steps_per_epoch, validation_steps, validation_freq)
        page = page_of(view_metrics, plan.epochs)
        source = self._reader.batches(generator, "generator", goes_on=True)
        length = plan.steps_per_epoch or source.batches_per_pass
        loader = GeneratorLoader(
            source,
            class_weight=class_weight,
            workers=whole("workers", workers, 0),
            max_queue_size=whole("max_queue_size", max_queue_size),
            use_multiprocessing=truth("use_multiprocessing", use_multiprocessing),
            timeout=_TIMEOUT,
            steps=None if length is None else length * max(plan.epochs - plan.initial_epoch, 0),
        )
        size = whole_or_none("validation_batch_size", validation_batch_size) or BATCH_SIZE
        validation = self._reader.validation(validation_data, size)
        shifted = OffsetLoader(loader, -plan.initial_epoch * (length or 0))
        return self._train(shifted, validation, plan, [*callbacks_of(callbacks), *page], verbose, target_shapes(loader))

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        verbose: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
    ) -> dict[str, float]:
        """Loss and metrics of the model as it is.

        Args:
            x, y, sample_weight: As in `fit`, or `x` as in `fit_generator`.
            batch_size: Samples in a batch, 32 by default.
            verbose: 0 shows nothing.
            steps: Batches; by default all.
            callbacks: Those that listen to tests.

        Returns:
            `loss` first, then the metrics.
        """
        size = whole_or_none("batch_size", batch_size) or BATCH_SIZE
        loader = self._reader.loader(x, y, sample_weight, size)
        engine = self._machine.for_targets(target_shapes(loader))
        with self._machine.own_metrics(engine):
            return measured(engine, loader, whole_or_none("steps", steps), callbacks_of(callbacks), self, verbosity(verbose))

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = 0, steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """The outputs for all samples.

        Args:
            x: Inputs as in `fit`, or batches of inputs as `fit_generator` takes them; targets are passed over.
            batch_size: Samples in a batch, 32 by default.
            verbose: As in `fit`; nothing is shown.
            steps: Batches; by default all.
            callbacks: Those that listen to predictions.

        Returns:
            (N, …) float32, or a list of such for several outputs.
        """
        verbosity(verbose)
        loader = self._reader.inputs_loader(x, whole_or_none("batch_size", batch_size) or BATCH_SIZE)
        engine = self._machine.for_predictions()
        outputs = predicted(engine, loader, whole_or_none("steps", steps), callbacks_of(callbacks), self)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: ClassWeight | None = None
    ) -> dict[str, float]:
        """One training step.

        Args:
            x, y, sample_weight: One batch, as in `fit`.
            class_weight: As in `fit`; `balanced` counts the labels of this batch.

        Returns:
            Loss and metrics of this batch alone, measured before the step.
        """
        batch = self._reader.batch(x, y, sample_weight)
        if class_weight is not None:
            batch = weighted(batch, class_weight, self._output_shapes)
        return self._one_step(batch, lambda engine: engine.train_step)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics of one batch, without training."""
        return self._one_step(self._reader.batch(x, y, sample_weight), lambda engine: engine.test_step)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, (N, …); a list of such for several outputs."""
        outputs = self._machine.for_predictions().predict_step(self._reader.inputs(x))
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of all weights, in Keras's order and layout."""
        return list(self._machine.weights().values())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take over weights in the order of `get_weights`.

        Raises:
            ExperimentError: A ValueError: their number or a shape is another.
        """
        own = self._machine.weights()
        if len(weights) != len(own):
            raise ExperimentError(f"set_weights got {len(weights)} arrays, but the model has {len(own)}.")
        arrays = {name: np.asarray(array, np.float32) for name, array in zip(own, weights, strict=True)}
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ExperimentError(f"{name.removeprefix('weights/')} has shape {own[name].shape}, but got {array.shape}.")
        self._machine.load(arrays)

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        return self.graph.parameter_count

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Show the table of layers: name, kind, output shape, parameters, FLOPs."""
        print_fn(table(self.graph).rstrip("\n"))

    def save(self, path: str | PathLike[str]) -> None:
        """Write network, weights, optimizer and the arguments of `compile` to one `.safetensors` file; see `load_model`.

        Raises:
            ExperimentError: A ValueError: the name ends otherwise.
            StorageError: It could not be stored; an older file is untouched.
        """
        save_model(self, path)

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights and optimizer by name: `weights/<layer>/<name>`, `optimizer/…`."""
        return self._machine.state()

    def load_state(self, state: Mapping[str, NDArray[Any]], epochs_done: int) -> None:
        """Take over what `state` gave, after so many epochs.

        Raises:
            CheckpointError: It does not fit the network.
        """
        self._machine.load(state)
        self.epochs_done = epochs_done

    @property
    def compiled(self) -> Compiled | None:
        """What `compile` was told, or None."""
        return self._machine.compiled

    @property
    def optimizer(self) -> OptimizerView:
        """The optimizer at work: `model.optimizer.learning_rate` may be set."""
        self._machine.needs_compile()
        return OptimizerView(self._machine)

    @property
    def stop_training(self) -> bool:
        """Whether the training under way is to end; callbacks may set it."""
        return self.run is not None and self.run.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        if self.run is not None:
            self.run.stop_training = value

    @property
    def metrics_names(self) -> list[str]:
        """The names of loss and metrics, known once the model saw data."""
        return list(self._machine.for_predictions().metrics())

    @property
    def _output_shapes(self) -> list[Shape]:
        return list(self.graph.output_shapes.values())

    def _one_step(self, batch: Batch, chosen: Callable[[Any], Callable[[Batch], None]]) -> dict[str, float]:
        engine = self._machine.for_targets([array.shape[1:] for array in batch.targets])
        with nullcontext() if self.run is None else self._machine.own_metrics(engine):
            engine.reset_metrics()
            chosen(engine)(batch)
            return engine.metrics()

    def _adapt(self, data: Dataset, shapes: Sequence[Shape]) -> None:
        """Before the first step of its life: layers that want the data's mean and variance get them, unless they were set."""
        waiting = adapting(self.graph)
        if not waiting or self._machine.iterations:
            return
        weights = self._machine.weights()
        if not any(weights[f"weights/{node.name}/mean"].any() for node in waiting):
            adapt(self.graph, data, self._machine.for_targets(shapes))

    def _train(
        self,
        loader: BatchLoader,
        validation: BatchLoader | None,
        plan: Plan,
        callbacks: Any,
        verbose: Any,
        shapes: Sequence[Shape],
    ) -> History:
        """The one training loop, with this model's engine."""
        before = max(self.epochs_done, plan.initial_epoch)
        trainer = Trainer(
            self._machine.for_targets(shapes),
            loader,
            validation,
            [Attach(self), *callbacks_of(callbacks)],
            plan,
            directions=directions(self._machine.needs_compile().objectives),
            recorder=FileRecorder(lambda snapshot: facts_of(self, before + snapshot.position.epoch - plan.initial_epoch)),
            progress=make_progress(verbosity(verbose)),
            model=self,
        )
        try:
            trainer.run()
        finally:
            self.run = None
            self.epochs_done = before + max(trainer.position.epoch - plan.initial_epoch, 0)
        self.history = trainer.history
        return trainer.history
