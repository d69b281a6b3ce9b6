"""The only place that knows which engines there are: it makes the one that a setting describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from fittool.engines.base import Engine
from fittool.engines.settings import EngineSetting, Numpy
from fittool.errors import ExperimentError
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objectives
from fittool.nn.optimizers import Optimizer
from fittool.process_group import ALONE, ProcessGroup


def create_engine(
    setting: EngineSetting,
    graph: Graph,
    *,
    objectives: Objectives | None = None,
    optimizer: Optimizer | None = None,
    seed: int = 0,
    weights: Mapping[str, NDArray[Any]] | None = None,
    skips_bad_steps: bool = False,
    group: ProcessGroup = ALONE,
) -> Engine:
    """An engine with a network; the library behind it is imported now and not before.

    Args:
        setting: Which engine, and its options.
        graph: The network.
        objectives: Losses and metrics of each output; None for an engine that only predicts.
        optimizer: Moves the weights; None for an engine that only evaluates or predicts.
        seed: Decides the starting weights and which units dropout drops.
        weights: Starting weights by `<layer>/<parameter>`, each (*shape) of its parameter; by default drawn from the seed.
        skips_bad_steps: Whether a step whose loss is not finite leaves weights and optimizer as they are; Keras moves them.
        group: The processes that train the network together, each with its share of every batch.

    Raises:
        ExperimentError: There are several processes, and the engine cannot share its work.
    """
    if group.size > 1:
        check_can_share(setting)
    return FACTORIES[type(setting)](
        setting,
        graph,
        objectives=objectives,
        optimizer=optimizer,
        seed=seed,
        weights=weights,
        skips_bad_steps=skips_bad_steps,
        **({"group": group} if group.size > 1 else {}),
    )


def check_can_share(setting: EngineSetting) -> None:
    """Refuse an engine that computes in one process only.

    Raises:
        ExperimentError: It does; the text names one that does not.
    """
    if not setting.can_share:
        text = (
            f"engine {setting.public_name()} computes in one process. Many train together with engine torch: add --engine torch."
        )
        raise ExperimentError(text)


def _numpy(setting: EngineSetting, graph: Graph, **options: Any) -> Engine:
    from fittool.engines.numpy_engine import NumpyEngine

    return NumpyEngine(graph, threads=setting.threads, **options)


FACTORIES: dict[type[EngineSetting], Callable[..., Engine]] = {Numpy: _numpy}
"""For each setting what makes its engine, from the setting, the network and the options of `create_engine`."""


def engine_reports() -> list[tuple[str, str]]:
    """Each engine and whether it is ready here, for `fittool doctor`."""
    from fittool.cpu import available_threads, default_threads
    from fittool.engines.numpy_engine.blas import blas_name, use_one_thread

    note = "" if use_one_thread() else "; its BLAS cannot be held to one thread, so results may depend on it"
    asked = "" if default_threads() == available_threads() else " as OMP_NUM_THREADS says"
    threads = f"{default_threads()} thread{'s' * (default_threads() != 1)}{asked}"
    return [("numpy", f"ready, {threads}, BLAS {blas_name()}{note}")]
