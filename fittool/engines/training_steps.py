"""The order in which every engine does a training step, once the gradients of the losses are known.

Whatever an optimizer does not ask for is left out. The numbers come from `StepCounter.next`, which is a function of how many
steps were done.

1. The gradients of the penalties (`fittool.nn.objectives.penalties`) are added to those of the losses.
2. A step whose loss is not finite ends here, where such steps are skipped: weights and slots stay, but it counts as a step.
3. Accumulation: a step within a group adds its gradients to the slot `gradient_accumulator` and goes on with 7. The step that
   ends the group adds the slot to its own gradients, divides by the number of steps in a group, and sets the slot to 0.
4. Clipping: by value, or by the norm of each weight array, or by the norm of all gradients together. A gradient that is not
   finite spreads over what is normed with it, as in Keras.
5. Weight decay: the weights times `1 - decay * rate`. It is after clipping, so that no limit holds it back.
6. The optimizer's own formula, with `rate` and the number of the `update`, moves the weights and its slots. A weight that has
   missed updates goes by its own number (`fittool/engines/update_counts.py`).
7. The moving average follows the weights, in steps within a group too: slot times `average_kept` plus weights times the rest.
8. The weights become their average, if `average_replaces`; after the last step of the training once more.

So decay, clipping and the formula's own count belong to updates, while schedules and the average go by steps, as in Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittool.errors import ExperimentError
from fittool.nn.optimizers import Optimizer
from fittool.nn.schedules import Schedule, Warmup


class TrainingStep(NamedTuple):
    """The numbers of one step.

    Attributes:
        rate: The learning rate.
        update: The number of the update that the step belongs to, from 1.
        updates: Whether the step ends its group, so that the weights move.
        average_kept: How much of the moving average stays; None where none is kept.
        average_replaces: Whether the weights become their average.
    """

    rate: float
    update: int
    updates: bool
    average_kept: float | None
    average_replaces: bool

    def average_kept_of(self, missed: int) -> float:
        """As `average_kept`, for a weight that has missed so many updates: its average, too, begins with its first one.

        An average is kept.
        """
        assert self.average_kept is not None
        return 0.0 if self.update == missed + 1 else self.average_kept


class StepCounter:
    """Counts the steps of one optimizer and knows the rate of the next.

    Attributes:
        iterations: How many steps were done, resumed and skipped ones included.
        group: How many steps share an update.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.iterations = 0
        self.group = optimizer.gradient_accumulation_steps or 1
        rate, self._has_average, self._momentum = optimizer.learning_rate, optimizer.use_ema, optimizer.ema_momentum
        # Apart from the rate, so that callbacks may set a number while it warms up.
        self._warmup = rate if isinstance(rate, Warmup) else None
        self._rate: float | Schedule = rate.learning_rate if isinstance(rate, Warmup) else rate
        self._frequency = optimizer.ema_overwrite_frequency if optimizer.use_ema else None

    @property
    def learning_rate(self) -> float:
        """The rate of the next step.

        Raises:
            ExperimentError: It is set, but a schedule decides it.
        """
        step = self.iterations if self._warmup is None else max(self.iterations - self._warmup.steps, 0)
        rate = self._rate.rate(step) if isinstance(self._rate, Schedule) else float(self._rate)
        return rate * self._share_of_warmup

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if isinstance(self._rate, Schedule):
            raise ExperimentError(
                "The optimizer's learning_rate is a schedule; a callback cannot set it as well. Use one of the two."
            )
        # The first step of a warmup has the rate 0, whatever is behind it: who sets what he has read changes nothing.
        if rate != self.learning_rate:
            self._rate = rate / (self._share_of_warmup or 1.0)

    @property
    def _share_of_warmup(self) -> float:
        return 1.0 if self._warmup is None else self._warmup.share(self.iterations)

    @property
    def updates(self) -> int:
        """The number of updates that were done, each a whole group of steps."""
        return self.iterations // self.group

    @property
    def ends_with_average(self) -> bool:
        """True where the weights become their average at the end of the training: one is kept, and a step was done."""
        return self._has_average and self.iterations > 0

    def next(self) -> TrainingStep:
        """Count a step, and give its numbers."""
        rate, done = self.learning_rate, self.updates
        self.iterations += 1
        # The average starts at 0, so the steps of the first update copy the weights instead of mixing them with it.
        kept = (self._momentum if done else 0.0) if self._has_average else None
        replaces = self._frequency is not None and (done + 1) % self._frequency == 0
        return TrainingStep(rate, done + 1, self.iterations % self.group == 0, kept, replaces)

    def skip(self) -> None:
        """Count a step that moves nothing."""
        self.iterations += 1

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The count, and the rate where no schedule decides it, as arrays of shape ()."""
        state: dict[str, NDArray[np.generic]] = {"optimizer/iterations": np.array(self.iterations, np.int64)}
        if not isinstance(self._rate, Schedule):
            state["optimizer/learning_rate"] = np.array(self._rate, np.float64)
        return state

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given, arrays of shape ()."""
        if "optimizer/iterations" in state:
            self.iterations = int(state["optimizer/iterations"])
        if "optimizer/learning_rate" in state:
            self._rate = float(state["optimizer/learning_rate"])
