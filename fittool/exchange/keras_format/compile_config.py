"""The arguments of `compile`, as Keras keeps them, so that training goes on where the file is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fittool.exchange.trained_network import TrainedNetwork
from fittool.nn.losses import Loss
from fittool.nn.optimizers import Optimizer
from fittool.settings import plain


def compile_config(network: TrainedNetwork, outputs: Mapping[str, str]) -> dict[str, Any] | None:
    """Optimizer, losses and the metric `accuracy`; None where the network was not compiled.

    A learning rate that follows a schedule is written as the rate that it has come to.

    Args:
        network: The network.
        outputs: The names of Keras's outputs by the network's.
    """
    training = network.training
    if training is None:
        return None
    losses = {outputs[name]: _loss(one.loss) for name, one in training.objectives.items() if one.loss is not None}
    accurate = {outputs[name]: ["accuracy"] for name, one in training.objectives.items() if _has_accuracy(one.metrics)}
    alone = len(outputs) == 1
    found: dict[str, Any] = {"optimizer": _optimizer(training.optimizer, training.learning_rate)}
    found["loss"] = next(iter(losses.values()), None) if alone else losses
    found["metrics"] = next(iter(accurate.values()), None) if alone else accurate or None
    if not alone:
        found["loss_weights"] = {outputs[name]: one.loss_weight for name, one in training.objectives.items() if one.loss}
    return found


def _has_accuracy(metrics: Any) -> bool:
    return any(metric.log_name == "accuracy" for metric in metrics)


def _loss(loss: Loss) -> dict[str, Any]:
    ((name, config),) = plain(loss).items()
    return {"module": "keras.losses", "class_name": name, "config": config, "registered_name": None}


def _optimizer(optimizer: Optimizer, rate: float) -> dict[str, Any]:
    ((name, config),) = plain(optimizer).items()
    return {
        "module": "keras.optimizers", "class_name": name, "config": {**config, "learning_rate": rate}, "registered_name": None
    }  # fmt: skip
