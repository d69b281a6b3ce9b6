"""The only place that knows which engines there are: it makes the one that a setting describes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.data.available_memory import available_memory, size_in_words
from fittool.engines.base import Engine
from fittool.engines.memory_estimate import MemoryEstimate
from fittool.engines.settings import Auto, EngineSetting, Numpy, Torch
from fittool.errors import ExperimentError, MachineError
from fittool.nn.graph import Graph
from fittool.nn.layers.user_module import HeldModule
from fittool.nn.objectives import Objectives, losses_of_logits
from fittool.nn.optimizers import Optimizer
from fittool.nn.shapes import Shape
from fittool.process_group import ALONE, ProcessGroup

HOST = "this machine"
"""The device of an estimate that is about the machine's own memory."""
_INSTALL = "pip install 'fittool[torch]'"


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
    resolved = resolve_engine(setting)
    if group.size > 1:
        check_can_share(setting)
    return FACTORIES[type(resolved)](
        resolved,
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
    resolved = resolve_engine(setting)
    if not resolved.can_share:
        text = f"The engine {resolved.public_name()} computes in one process. Several processes need engine torch"
        raise ExperimentError(f"{text}: add --engine torch.")


def kernels_in_use(setting: EngineSetting) -> str | None:
    """The path that an engine takes here: `native <number of the order of sums>` or `numpy`; None where there is no choice.

    Raises:
        MachineError: The setting asks for kernels, and there are none.
    """
    from fittool.kernels.library import NUMBERS, open_library

    resolved = resolve_engine(setting)
    if not isinstance(resolved, Numpy):
        return None
    return "numpy" if open_library(resolved.kernels) is None else f"native {NUMBERS}"


def kernels_asked_for(setting: EngineSetting) -> Literal["auto", "native", "numpy"]:
    """The choice between kernels and NumPy, for what is computed outside of the engine, such as the augmentation of images."""
    return setting.kernels if isinstance(setting, Numpy) else "auto"


def with_kernels_of(setting: EngineSetting, path: str | None) -> EngineSetting:
    """The setting with which a run goes on: where it leaves the path open, that on which the run has come so far, if it is there.

    Args:
        setting: The experiment's.
        path: What `kernels_in_use` gave when the run last began; None for runs of releases that had no kernels.
    """
    from fittool.kernels.library import NUMBERS, find_library

    resolved = resolve_engine(setting)
    if not isinstance(resolved, Numpy) or resolved.kernels != "auto":
        return setting
    if path in (None, "numpy"):
        return replace(resolved, kernels="numpy")
    # Where it is not there, NumPy goes on, and the record of the environment says that the digits will be others.
    return replace(resolved, kernels="native" if path == f"native {NUMBERS}" and find_library()[0] is not None else "auto")


def holds_samples(setting: EngineSetting) -> bool:
    """True where the engine can keep samples in the memory of its device."""
    return resolve_engine(setting).can_hold


def check_can_hold(setting: EngineSetting) -> None:
    """Refuse an engine that keeps no samples where it computes; `auto` is never refused, as it stands for what there is.

    Raises:
        ExperimentError: It keeps none; the text names one that does.
    """
    if not isinstance(setting, Auto) and not holds_samples(setting):
        name = setting.public_name()
        raise ExperimentError(
            f"data.cache: device keeps samples in the memory of the device of engine torch; engine {name} has no other than that "
            "of cache: ram. Set cache: ram, or engine: torch."
        )


def memory_estimate(
    setting: EngineSetting,
    graph: Graph,
    objectives: Objectives,
    optimizer: Optimizer,
    batch_size: int,
    *,
    kept: int = 0,
    of_sample: int = 0,
) -> MemoryEstimate | None:
    """The memory of the engine's device that a training needs; None for an engine without a device, or that is not installed.

    Args:
        setting: Which engine, and its options.
        graph: The network.
        objectives: Losses and metrics of each output.
        optimizer: Moves the weights.
        batch_size: Samples in a batch.
        kept: Bytes of all samples that are kept on the device.
        of_sample: Bytes of one sample.
    """
    resolved = resolve_engine(setting)
    if not isinstance(resolved, Torch) or find_spec("torch") is None:
        return None
    from fittool.engines.torch_engine.memory.estimate import memory_estimate as estimate

    return estimate(resolved, graph, objectives, optimizer, batch_size, (kept, of_sample))


def host_memory_estimate(
    setting: EngineSetting, graph: Graph, objectives: Objectives, optimizer: Optimizer, batch_size: int, samples: int
) -> MemoryEstimate | None:
    """The memory of the machine that a training needs; None for an engine that computes elsewhere, or that is not installed.

    Args:
        setting: Which engine.
        graph: The network.
        objectives: Losses and metrics of each output.
        optimizer: Moves the weights.
        batch_size: Samples in a batch.
        samples: Bytes of the samples that are in memory at a time.
    """
    if not isinstance(resolve_engine(setting), Numpy):
        return None
    from fittool.engines.numpy_engine.lowering import kept_numbers

    width, available = np.dtype(np.float32).itemsize, available_memory()
    learnt = width * graph.trainable_count
    return MemoryEstimate(
        device=HOST,
        weights=width * graph.parameter_count,
        gradients=learnt,
        optimizer=learnt * len(optimizer.slots()),
        activations=width * batch_size * kept_numbers(graph, losses_of_logits(graph, objectives)),
        samples=samples,
        free=available.bytes,
        there=f"of which this process may use {size_in_words(available.bytes)}",
    )


def _numpy(setting: EngineSetting, graph: Graph, **options: Any) -> Engine:
    from fittool.engines.numpy_engine import NumpyEngine

    assert isinstance(setting, Numpy)
    return NumpyEngine(graph, threads=setting.threads, kernels=setting.kernels, **options)


def _torch(setting: EngineSetting, graph: Graph, **options: Any) -> Engine:
    _check_installed()
    with _collecting_nothing():
        from fittool.engines.torch_engine import TorchEngine

    return TorchEngine(graph, setting, **options)  # type: ignore[arg-type]


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """A context for imports of half a million objects, none of which is garbage: looking for some takes a fifth of their time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _check_installed() -> None:
    if find_spec("torch") is None:
        raise MachineError(f"The engine torch needs PyTorch, which is not there: {_INSTALL}. Or use engine: numpy.")


def resolve_engine(setting: EngineSetting) -> EngineSetting:
    """The engine that a setting stands for here: `auto` is PyTorch where it and a graphics card are there, else NumPy."""
    if not isinstance(setting, Auto):
        return setting
    return Torch(threads=setting.threads) if _has_graphics_card() else Numpy(threads=setting.threads)


def hold_module(setting: EngineSetting, make: Callable[[], object], shape: Shape, seed: int, what: str) -> HeldModule:
    """Make a network of the user's, written for an engine's library, and look at it.

    Args:
        setting: The engine.
        make: The user's function.
        shape: Of one input, without the batch axis.
        seed: Decides the weights that the library draws.
        what: The function, for messages.

    Raises:
        ExperimentError: The engine takes no such networks, or it is none.
        MachineError: The library is not installed.
    """
    if not isinstance(resolve_engine(setting), Torch):
        raise ExperimentError(f"{what} makes a network in PyTorch, which takes engine: torch, not {setting.public_name()}.")
    _check_installed()
    from fittool.engines.torch_engine.operations.user_module import hold, seed_everything

    seed_everything(seed)
    return hold(make(), shape, what)


def _has_graphics_card() -> bool:
    """True where PyTorch is installed and sees a GPU; PyTorch, which takes a second to import, is asked only where one may be."""
    drivers = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    if not any(Path(driver).exists() for driver in drivers) or find_spec("torch") is None:
        return False
    from fittool.engines.torch_engine.device import choose_device

    return bool(choose_device("auto").type != "cpu")


FACTORIES: dict[type[EngineSetting], Callable[..., Engine]] = {Numpy: _numpy, Torch: _torch}
"""For each setting what makes its engine, from the setting, the network and the options of `create_engine`."""


def engine_reports() -> list[tuple[str, str]]:
    """Each engine and whether it is ready here, for `fittool doctor`."""
    from fittool.cpu import available_threads, default_threads
    from fittool.engines.numpy_engine.blas import blas_name, use_one_thread
    from fittool.kernels.library import report

    note = "" if use_one_thread() else "; its BLAS cannot be held to one thread, so results may depend on it"
    asked = "" if default_threads() == available_threads() else " as OMP_NUM_THREADS says"
    threads = f"{default_threads()} thread{'s' * (default_threads() != 1)}{asked}"
    numpy = f"ready, {threads}, kernels: {report()}, BLAS {blas_name()}{note}"
    return [("numpy", numpy), ("torch", _torch_report())]


def _torch_report() -> str:
    """The version of PyTorch and the devices that it sees, or how to get it."""
    if find_spec("torch") is None:
        return f"missing: {_INSTALL}"
    from fittool.engines.torch_engine.device import devices_text, version

    return f"ready, PyTorch {version()}, {devices_text()}"
