"""Batches of user code as a loader: one pass is one call of the user's function."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Batch
from fittool.data.class_weights import Balance, ClassWeight, class_factors, classes_of, per_sample
from fittool.data.loading import FOREVER
from fittool.data.user_code.batch_function import Place
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, UserCodeError
from fittool.process_group import ALONE, Member, ProcessGroup, share_of

if TYPE_CHECKING:
    from fittool.data.workers.process_pool import ProcessPasses


class GeneratorLoader:
    """Batches of user code.

    Where the length of a pass is known, passes follow each other without end, and one that is short is an error. Where
    it is not, `batches` ends with the pass, and the next call of `batches` goes on with the next pass. To start in the
    middle, the batches before are made again and dropped, so that resuming is exact if the user's code is.

    Args:
        source: The user's code.
        class_weight: Multiplied with the samples' own weights. `balanced` counts the labels of one pass before, where its
            length is known, else those of the batches so far.
        class_names: The name of each class, for class weights by name.
        workers: 0 makes each batch when it is asked for; else one thread makes them ahead, as a generator needs, or so many
            where the user's code is an iterator of fittool's own, whose batches can be had in any order.
        max_queue_size: How many batches are under way or wait, ready made.
        use_multiprocessing: Whether a process makes them ahead instead, or several where batches can be asked for by number.
            The user's code begins anew there, after the first batch was asked for here.
        timeout: Seconds to wait for one batch of a worker.
        steps: How many batches are wanted in all, so that the user's code is not asked for more; None: nobody knows.
        offset: Added to each step; negative where a training counts steps that the user's code never made.
        group: The processes that share each batch. Each of them runs the user's code and takes its part, so the code has to
            give the same batches in all.

    Raises:
        ExperimentError: A class weight names an unknown class.
        UserCodeError: The first batch cannot be had.
    """

    def __init__(
        self,
        source: GeneratorData,
        *,
        class_weight: ClassWeight | None = None,
        class_names: tuple[str, ...] | None = None,
        workers: int = 0,
        max_queue_size: int = 10,
        use_multiprocessing: bool = False,
        timeout: float = FOREVER,
        steps: int | None = None,
        offset: int = 0,
        group: ProcessGroup = ALONE,
    ) -> None:
        self.source = source
        self.samples = source.samples
        self.batch_size = source.first.size
        self.steps_per_pass = source.batches_per_pass
        self._steps, self._offset, self._member = steps, offset, Member(group.rank, group.size)
        self._balance = Balance() if class_weight == "balanced" else None
        self._factors: NDArray[np.float32] | None = None
        if isinstance(class_weight, Mapping):
            self._factors = class_factors(class_weight, class_names, None)
        elif self._balance is not None and self.steps_per_pass is not None:
            self._factors = self._counted(self._balance, self.steps_per_pass)
        self._processes: ProcessPasses | None = None
        if use_multiprocessing and workers:
            from fittool.data.workers.process_pool import ProcessPasses  # slow to import, and seldom wanted

            self._processes = ProcessPasses(source, workers, max_queue_size, timeout)
        self._workers = workers
        self._threads = min(workers, 1) if self._processes is None else 0
        self._max_queue_size = max_queue_size
        self._timeout = timeout
        self._passes_end = 0
        self._passes = 0

    def batches(self, first_step: int) -> Iterator[Batch]:
        """The batches from an absolute step on: without end, or to the end of a pass of unknown length."""
        first_step += self._offset
        most = None if self._steps is None else max(self._steps - first_step, 0)
        if self.steps_per_pass is None:
            walk = self._to_the_end_of_a_pass(first_step)
        elif self._processes is None and self.source.function.placed:
            return self._by_threads(first_step, self.steps_per_pass, most)
        elif self._processes is None:
            walk = self._pass_after_pass(first_step, self.steps_per_pass)
        else:
            walk = self._by_processes(self._processes, first_step, self.steps_per_pass, most)
        return self._ahead(walk, most)

    def contents(self, step: int) -> str:
        """The number of the batch among those of the user's code, as samples have no names."""
        step += self._offset
        if self.steps_per_pass is None:
            return f"batch {step + 1} of {self.source.name}"
        pass_number, number = divmod(step, self.steps_per_pass)
        return f"batch {number + 1} of pass {pass_number + 1} of {self.source.name}"

    def _ahead(self, walk: Generator[Batch, None, None], most: int | None) -> Iterator[Batch]:
        wanted = islice(walk, most)
        from fittool.data.loading.prefetch import in_order

        made = in_order(
            lambda _: next(wanted, None),
            count(),
            self._threads,
            self._max_queue_size,
            timeout=self._timeout,
            describe=self._with_names,
        )
        try:
            for batch in made:
                if batch is None:
                    return
                yield self._part(self._weigh(batch))
        finally:
            made.close()
            with suppress(ValueError):  # a thread that hangs is still within it
                walk.close()

    def _with_names(self, number: int) -> str:
        return f"The next batch of {self.source.name} (number {number + 1} of this walk)"

    def _by_threads(self, first_step: int, steps: int, most: int | None) -> Iterator[Batch]:
        """Batches that can be had in any order, made by all threads at once."""

        def made(place: Place) -> Batch:
            if place.number >= len(place.given):
                raise _say_early_end(self.source, len(place.given), steps, place.pass_number)
            return self.source.checked(self.source.function.batch_at(place), place.number)

        places, done = self.source.function.places(first_step, steps), first_step
        from fittool.data.loading.prefetch import in_order

        batches = in_order(
            made, islice(places, most), self._workers, self._max_queue_size, timeout=self._timeout, describe=self._place_named
        )
        try:
            for batch in batches:
                done += 1
                yield self._part(self._weigh(batch))
        finally:
            batches.close()
            self.source.function.walked(done)

    def _place_named(self, place: Place) -> str:
        return f"batch {place.number + 1} of pass {place.pass_number + 1} of {self.source.name}"

    def _one_pass(self, number: int) -> Generator[Batch, None, None]:
        return self.source.one_pass(number) if self._processes is None else self._processes.one_pass(number)

    def _by_processes(
        self, processes: ProcessPasses, first_step: int, steps: int, most: int | None
    ) -> Generator[Batch, None, None]:
        """Passes of known length, whose batches the processes make without a stop between passes."""
        wanted, done = range(first_step, sys.maxsize if most is None else first_step + most), first_step
        batches = processes.batches(divmod(step, steps) for step in wanted)
        try:
            for step, batch in zip(wanted, batches, strict=False):
                if batch is None:
                    pass_number, given = divmod(step, steps)
                    raise _say_early_end(self.source, given, steps, pass_number)
                done = step + 1
                yield batch
        finally:
            batches.close()
            self.source.function.walked(done)

    def _pass_after_pass(self, first_step: int, steps: int) -> Generator[Batch, None, None]:
        pass_number, start = divmod(first_step, steps)
        for number in count(pass_number):
            given = 0
            batches = self.source.one_pass(number)
            try:
                for given, batch in enumerate(islice(batches, steps), 1):
                    if given > start:
                        yield batch
            finally:
                batches.close()
            if given < steps:
                raise _say_early_end(self.source, given, steps, number)
            start = 0

    def _to_the_end_of_a_pass(self, first_step: int) -> Generator[Batch, None, None]:
        """Passes that lie before `first_step` are walked through, as nobody else knows where they end."""
        if first_step < self._passes_end:
            self._passes_end = self._passes = 0
        while True:
            given = 0
            skipped = first_step - self._passes_end
            for given, batch in enumerate(self._one_pass(self._passes), 1):
                if given > skipped:
                    yield batch
            if given == 0:
                raise _say_used_up(self.source, self._passes)
            self._passes += 1
            self._passes_end += given
            if given > skipped:
                return

    def _counted(self, balance: Balance, steps: int) -> NDArray[np.float32]:
        """Balanced weights from the labels of a whole pass."""
        for batch in islice(self.source.one_pass(0), steps):
            balance.see(self._labels(batch))
        return balance.factors()

    def _labels(self, batch: Batch) -> NDArray[np.int64]:
        labels = classes_of(batch.targets[0]) if len(batch.targets) == 1 else None
        if labels is None:
            raise ExperimentError(f"class_weight needs targets that are classes, but {self.source.name} gives others. Remove it.")
        return labels

    def _weigh(self, batch: Batch) -> Batch:
        if self._factors is None and self._balance is None:
            return batch
        labels, factors = self._labels(batch), self._factors
        if factors is None and self._balance is not None:
            self._balance.see(labels)
            factors = self._balance.factors()
        assert factors is not None
        return Batch(batch.inputs, batch.targets, per_sample(factors, labels, batch.sample_weight))

    def _part(self, batch: Batch) -> Batch:
        """The samples of this process; class weights come before, as they may count the labels of all."""
        if self._member.size == 1:
            return batch
        share, weights = share_of(batch.size, self._member), batch.sample_weight
        inputs, targets = (tuple(array[share] for array in arrays) for arrays in (batch.inputs, batch.targets))
        return Batch(inputs, targets, None if weights is None else weights[share], share.start, batch.size)


def _say_early_end(source: GeneratorData, given: int, expected: int, pass_number: int) -> UserCodeError:
    if given == 0:
        return _say_used_up(source, pass_number)
    told = f" (samples: {source.samples:,}, in batches of {source.first.size})" if source.samples is not None else ""
    text = f"{source.name} gave {given} of {expected} batches in pass {pass_number + 1}{told}."
    return UserCodeError(f"{text} Give more, or correct the number.")


def _say_used_up(source: GeneratorData, pass_number: int) -> UserCodeError:
    text = f"{source.name} gave no batches in pass {pass_number + 1}."
    return UserCodeError(f"{text} Return a new generator at each call: one pass is one call.")
