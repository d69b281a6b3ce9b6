"""The training of a table: the preset, and a schedule, batches and epochs by the number of samples (docs/tables.md says why)."""

from __future__ import annotations

from fittool.data.class_labels import values_of
from fittool.scaffold.survey import Survey

VALIDATED = 0.2
"""The share of the samples that is validated on."""
_FEW = 2_000
_MAYBE_AMOUNTS = 6
"""Classes from which on whole numbers may as well be amounts."""
_SEEN = 400_000
"""Samples that a training sees in all its epochs, as far as these are neither too few nor too many."""
_FEWEST_EPOCHS, _MANY_EPOCHS, _MOST_EPOCHS = 8, 60, 200
_FEWEST_STEPS = 400
"""Steps below which a network has hardly moved at its learning rate."""
_SMALLEST_BATCH, _LARGEST_BATCH = 32, 256
_STEPS_OF_EPOCH = 100


def training_samples(survey: Survey) -> int:
    """The samples that are trained on."""
    return survey.samples if survey.validation is not None else max(int(survey.samples * (1 - VALIDATED)), 1)


def batch_size(samples: int) -> int:
    """The power of two from 32 to 256 that gives a hundred steps an epoch, or a little more."""
    size = _SMALLEST_BATCH
    while size < _LARGEST_BATCH and 2 * size * _STEPS_OF_EPOCH <= samples:
        size *= 2
    return size


def epochs(samples: int) -> int:
    """As many as show 400,000 samples, from 8 to 60; of very few samples as many as give 400 steps, up to 200."""
    shown = min(max(round(_SEEN / samples), _FEWEST_EPOCHS), _MANY_EPOCHS)
    steps = -(-samples // batch_size(samples))
    return max(shown, min(-(-_FEWEST_STEPS // steps), _MOST_EPOCHS))


def model_section() -> str:
    """The preset."""
    return "model:\n  preset: tabular  # `fittool show` prints its layers; `preset: linear` is the line to beat\n"


def compile_section(survey: Survey, loss: str, metric: str) -> str:
    """The optimizer, whose rate rises in a tenth of the training and falls along a cosine; the loss."""
    return f"""\
compile:
  optimizer:
    AdamW:
      learning_rate: {{OneCycle: {{max_learning_rate: {_rate(survey)}, total: auto, pct_start: 0.1}}}}
      weight_decay: {_decay(survey)}
      beta_2: 0.95
  loss: {_smoothed(survey, loss)}
  metrics: [{metric}]
{_other_task(survey)}"""


def _other_task(survey: Survey) -> str:
    """What to write where classes that are whole numbers are amounts, such as counts: nobody can tell by looking."""
    names = list(survey.task.classes)
    if survey.task.kind != "classes" or len(names) < _MAYBE_AMOUNTS or values_of(names) is None:
        return ""
    return """\
  # If the labels are amounts and no classes: loss: mean_squared_error, metrics: [mean_absolute_error]; and in data
  # target: {scale: standard}, with a split of kind: random
"""


def _has_few(survey: Survey) -> bool:
    return training_samples(survey) < _FEW


def _rate(survey: Survey) -> float:
    return 0.003 if _has_few(survey) else 0.004


def _decay(survey: Survey) -> float:
    return 2.0 if _has_few(survey) else 0.05


def _smoothed(survey: Survey, loss: str) -> str:
    """The loss; of few samples no class is taken for certain."""
    if _has_few(survey) and survey.task.kind == "classes":
        return "{categorical_crossentropy: {label_smoothing: 0.1}}  # of few samples no class is certain"
    return loss


def callbacks_section() -> str:
    """The epoch that is kept: the best, as the schedule needs all of them."""
    return "callbacks:\n  - ModelCheckpoint: {monitor: val_loss, save_best_only: true}\n"
