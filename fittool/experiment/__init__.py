"""Wires an experiment to a run: the only place that knows all the parts.

`data` opens what is trained on, `network` makes the network fit it, `prepare` brings both together, and the other modules
do what a command asks: train, check, evaluate, predict, preview.
"""

from fittool.experiment.check import check_experiment
from fittool.experiment.prepare import Prepared, prepare
from fittool.experiment.train import Run, TrainOptions, train_experiment

__all__ = ["Prepared", "Run", "TrainOptions", "check_experiment", "prepare", "train_experiment"]
