"""All subjects by name, in the order in which they are measured, and where each one's figures are made."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure


@dataclass(frozen=True)
class Subject:
    """A function that makes figures: a module below `tests.benchmarks`, the function's name, and what it gets besides."""

    module: str
    function: str = "figures"
    arguments: tuple[str, ...] = ()

    def figures(self, bench: Bench) -> Iterable[Figure]:
        """Measure all of them; what a subject needs is imported only now."""
        make: Callable[..., Iterable[Figure]] = getattr(importlib.import_module(f"tests.benchmarks.{self.module}"), self.function)
        return make(bench, *self.arguments)


NETWORKS = ("simple_cnn", "resnet20", "depthwise", "digits-mlp", "lstm")
SUBJECTS = {
    **{network: Subject("training.networks", arguments=(network,)) for network in NETWORKS},
    "predict": Subject("training.predictions"),
    "augmentation": Subject("data.augmentation"),
    "whole_command": Subject("training.whole_command"),
    "check": Subject("training.whole_command", "check"),
    "peak_memory": Subject("training.peak_memory"),
    "two_threads": Subject("training.two_threads"),
    "flat_steps": Subject("training.flat_steps"),
    "torch_engine": Subject("training.torch_engine"),
    "python_loop": Subject("training.python_loop"),
    "user_loop": Subject("training.user_loop"),
    "training_cost": Subject("training.training_cost"),
    "checkpoint_cost": Subject("training.checkpoint_cost"),
    "fill_modes": Subject("data.fill_modes"),
    "permutation": Subject("data.permutation"),
    "folder_reading": Subject("data.folder_reading"),
    "two_workers": Subject("data.two_workers"),
    "disk_cache": Subject("data.disk_cache"),
    "loading_memory": Subject("data.loading_memory"),
    "tables": Subject("data.tables"),
    "gpu": Subject("gpu.table"),
}
