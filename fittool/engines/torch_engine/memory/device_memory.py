"""The memory of a device: how much there is, how much of it is free, and what to do where a step needs more."""

from __future__ import annotations

import torch

from fittool.data.available_memory import available_memory
from fittool.errors import MachineError

_GIBI = 2**30


def free_memory(device: torch.device) -> int | None:
    """Bytes that this process may still take on a device, its own unused ones among them; None where nobody says."""
    if device.type == "cpu":
        return available_memory().bytes
    if device.type != "cuda":
        return None
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + unused)


def memory_text(device: torch.device) -> str:
    """How much memory a device has, and how much of it is taken: `which has 79.1 GiB: 78.2 are this process's, 0.1 are free`."""
    if device.type == "cpu":
        return f"of which {available_memory()}"
    if device.type != "cuda":
        return "which this process may not use more of"
    whole = torch.cuda.get_device_properties(device).total_memory
    free, own = torch.cuda.mem_get_info(device)[0], torch.cuda.memory_reserved(device)
    return f"which has {whole / _GIBI:.1f} GiB: {own / _GIBI:.1f} are this process's, {free / _GIBI:.1f} are free"


class MemoryNeeded:
    """A context for calls that may need more memory than there is; a class, as a generator costs small networks more.

    Args:
        device: Where they compute.
        what: `A training step of`.
        samples: The number of samples that belongs behind it.

    Raises:
        MachineError: The device has no more memory; the text says what was tried, what is there, and what to set.
    """

    def __init__(self, device: torch.device, what: str, samples: int) -> None:
        self._device, self._what, self._samples = device, what, samples

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Say what to set, where memory was lacking."""
        if not isinstance(error, RuntimeError):
            return
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            return
        error.__traceback__ = None  # it would keep the tensors of the step alive
        where = f"the memory of {self._device}, {memory_text(self._device)}"
        raise MachineError(
            f"{self._what} {self._samples:,} samples does not fit in {where}. Set a smaller train.batch_size, with the "
            "optimizer's gradient_accumulation_steps for the same updates; or engine.torch.precision: bf16; or "
            "engine.torch.recompute: ['*'], which keeps less and computes more."
        ) from None
