"""Keras's `Model` on fittool's own trainer: compile, fit, evaluate, predict, single batches, weights, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal

from fittool.data.batch import Batch
from fittool.data.class_weights import ClassWeight
from fittool.errors import DataError, ExperimentError, UserCodeError
from fittool.model.arguments import BATCH_SIZE, check_bool, check_int_or_none, page_of, plan_of, verbosity
from fittool.model.compiled import compiled
from fittool.model.fit import Fitting, fit_arrays, fit_batches
from fittool.model.layer_model import LayerModel
from fittool.model.loaders import gives_batches, target_shapes, weighted
from fittool.model.network import OptimizerView
from fittool.model.parsing import callbacks_of
from fittool.model.saving import FileRecorder, facts_of, identity_of
from fittool.model.views.results import result_of
from fittool.nn.objectives import directions, value_names
from fittool.training.display.choose import make_progress
from fittool.training.evaluation import evaluate, predict
from fittool.training.history import History
from fittool.training.trainer import Trainer


class Model(LayerModel):
    """A network with everything that Keras's `Model` does, and the same numbers.

    Where Keras has a trap, fittool does the better thing: the order of the samples depends on the seed and goes on from
    one `fit` to the next, `class_weight` works together with `sample_weight` and with generators, a watched name that
    does not exist is an error before training.

    Args:
        layers: Layers as objects, names, or names with arguments: a chain, or with the layers' `inputs` any graph. Or as in
            Keras, with `input_shape` in place of `outputs`: the inputs of a network that was written as calls of layers.
        input_shape: Shape of the only input without the axis of samples; for several inputs their shapes by name.
        inputs: The same for several inputs; or what `Input(shape=…)` gave, one or a list.
        outputs: Names of the layers that are the outputs, by default the last; or what they gave when they were called.
        engine: The engine that computes, by name or in the file's form: `numpy`, `auto`, `{"numpy": {"threads": 2}}`.
        seed: Decides starting weights, the order of samples and dropout; by default that of `set_random_seed`, else 7.
        threads: The number of threads, instead of the engine's own; results do not depend on it.
        name: What the model is called.

    Attributes:
        network: Weights, optimizer and the engine behind them.
        seed: The seed.
        history: The history of the last `fit`, or None.
        epochs_done: How many epochs the model was trained in its life.
        run: The training under way, or None.

    Raises:
        ExperimentError: A ValueError: the layers do not make a network.
    """

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
            metrics: A list of names, mappings, objects or functions `(y_true, y_pred)` of arrays; for several outputs one
                entry for each, or a mapping by names.
            weighted_metrics: The same; measured with sample weights and divided by their sum.

        Raises:
            ExperimentError: A ValueError that names the argument.
        """
        self._compile(
            lambda outputs: compiled(
                outputs,
                optimizer=optimizer,
                loss=loss,
                metrics=metrics,
                weighted_metrics=weighted_metrics,
                loss_weights=loss_weights,
            )
        )
        self._warn_of_settings()

    def _warn_of_settings(self) -> None:
        """Tell of what `compile` was given, and cannot be meant."""
        compiled = self.network.needs_compile()
        self._reader.doubts.of_settings(self.graph, compiled.objectives, compiled.optimizer)

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
            y: (N, …) targets; for several outputs a list or a mapping by names. For one output also (N,) names of classes,
                which the model numbers and keeps as `class_names`.
            batch_size: Samples in a batch, 32 by default; the last of a pass may have fewer.
            epochs: The number of the last epoch, not a count.
            verbose: 0: nothing; 1: a live line on a terminal; 2: one line an epoch; by default FITTOOL_VERBOSE, else 1.
            callbacks: Objects of `fittool.callbacks`, names, mappings of a name to its arguments, or own ones.
            validation_split: Share of the samples to validate on: the last ones, before any shuffling.
            validation_data: `(x, y)`, `(x, y, sample_weight)`, or whatever `fit_generator` takes; wins over the split.
            shuffle: Whether each epoch has its own order, a function of the seed and the epochs of the model's life.
            class_weight: The weight of each class by number or name, or `balanced`; multiplied with `sample_weight`.
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
        x = self._ready_for(x)
        fitting = fit_arrays(
            self._reader, x, y, sample_weight, plan, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight,
            validation_split=validation_split, validation_data=validation_data, validation_batch_size=validation_batch_size,
            seed=self.seed, epochs_done=self.epochs_done,
        )  # fmt: skip
        return self._train(fitting, callbacks, verbose)

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
        plan = plan_of(epochs, initial_epoch, steps_per_epoch, validation_steps, validation_freq)
        page = page_of(view_metrics, plan.epochs)
        generator = self._ready_for(generator)
        fitting = fit_batches(
            self._reader, generator, plan, class_weight=class_weight, validation_data=validation_data,
            validation_batch_size=validation_batch_size, workers=workers, max_queue_size=max_queue_size,
            use_multiprocessing=use_multiprocessing,
        )  # fmt: skip
        return self._train(fitting, [*callbacks_of(callbacks), *page], verbose)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        verbose: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics of the model as it is.

        Args:
            x, y, sample_weight: As in `fit`, or `x` as in `fit_generator`.
            batch_size: Samples in a batch, 32 by default.
            verbose: 0 shows nothing.
            steps: Batches; by default all.
            callbacks: Those that listen to tests.
            return_dict: Whether a dict is wanted.

        Returns:
            A list of loss, single losses where there are several outputs, and metrics, or the number where that is all; both
            answer to names, `result["loss"]`. Or a dict.
        """
        size = check_int_or_none("batch_size", batch_size) or BATCH_SIZE
        x = self._ready_for(x)
        loader = self._reader.loader(x, y, sample_weight, size)
        engine = self.network.for_targets(target_shapes(loader))
        with self.network.own_metrics(engine):
            logs = evaluate(
                engine,
                loader,
                check_int_or_none("steps", steps),
                callbacks_of(callbacks),
                self,
                make_progress(verbosity(verbose)),
            )
        return result_of(logs, check_bool("return_dict", return_dict))

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
        x = self._ready_for(x)
        loader = self._reader.inputs_loader(x, check_int_or_none("batch_size", batch_size) or BATCH_SIZE)
        engine = self.network.for_predictions()
        outputs = predict(engine, loader, check_int_or_none("steps", steps), callbacks_of(callbacks), self)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: ClassWeight | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step.

        Args:
            x, y, sample_weight: One batch, as in `fit`.
            class_weight: As in `fit`; `balanced` counts the labels of this batch.
            return_dict: As in `evaluate`.

        Returns:
            Loss and metrics of this batch alone, measured before the step, in the forms of `evaluate`.
        """
        x = self._ready_for(x)
        loop = None if self.run is None else self.run.loop
        if loop is None:
            logs = self._one_step(self._batch(x, y, sample_weight, class_weight), lambda engine: engine.train_step)
            return result_of(logs, return_dict)
        batch = loop.batch_of(x, y, sample_weight) if class_weight is None else None
        if batch is None:
            try:
                batch = self._batch(x, y, sample_weight, class_weight)
            except (DataError, ExperimentError) as error:
                raise UserCodeError(error.problems) from error
        return result_of(loop.train(batch), return_dict)

    def _batch(self, x: Any, y: Any, sample_weight: Any, class_weight: ClassWeight | None) -> Batch:
        batch = self._reader.batch(x, y, sample_weight)
        if class_weight is None:
            return batch
        return weighted(batch, class_weight, list(self.graph.output_shapes.values()), self.class_names or ())

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch, without training; in the forms of `evaluate`."""
        x = self._ready_for(x)
        batch = self._reader.batch(x, y, sample_weight)
        return result_of(self._one_step(batch, lambda engine: engine.test_step), return_dict)

    @property
    def optimizer(self) -> OptimizerView:
        """The optimizer at work: `model.optimizer.learning_rate` may be set."""
        self.network.needs_compile()
        return OptimizerView(self.network)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; may be set."""
        return self.network.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.network.learning_rate = rate

    @property
    def stop_training(self) -> bool:
        """True once the training under way is to end; callbacks may set it."""
        return self.run is not None and self.run.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        if self.run is not None:
            self.run.stop_training = value

    @property
    def metrics_names(self) -> list[str]:
        """The names of loss and metrics, in the order of logs; empty before `compile`."""
        return [] if self.compiled is None else list(value_names(self.compiled.objectives))

    def _one_step(self, batch: Batch, chosen: Callable[[Any], Callable[[Batch], None]]) -> dict[str, float]:
        engine = self.network.for_targets([array.shape[1:] for array in batch.targets])
        # A step of one's own within a training (from a callback) leaves the epoch's running values as they are.
        with nullcontext() if self.run is None else self.network.own_metrics(engine):
            engine.reset_metrics()
            chosen(engine)(batch)
            return engine.metrics()

    def _train(self, fitting: Fitting, callbacks: Any, verbose: Any) -> History:
        """The one training loop, with this model's engine."""
        plan = fitting.plan
        before = max(self.epochs_done, plan.initial_epoch)
        trainer = Trainer(
            self.network.for_targets(fitting.target_shapes),
            fitting.train,
            fitting.validation,
            callbacks_of(callbacks),
            plan,
            names=self.metrics_names,
            directions=directions(self.network.needs_compile().objectives),
            recorder=FileRecorder(lambda snapshot: facts_of(self, before + snapshot.position.epoch - plan.initial_epoch)),
            progress=make_progress(verbosity(verbose)),
            model=self,
            identity=lambda: identity_of(self.architecture, self.network, self.seed, fitting.train),
        )
        try:
            trainer.run()
        finally:
            self.run = None
            self.epochs_done = before + max(trainer.position.epoch - plan.initial_epoch, 0)
        self.history = trainer.history
        return trainer.history
