"""The memory of a device that a training needs, about, before it begins."""

from __future__ import annotations

from dataclasses import dataclass

from fittool.data.available_memory import size_in_words


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes on one device.

    Attributes:
        device: What it is called.
        weights, gradients, optimizer: Of the network; the last are the slots that the optimizer keeps.
        activations: What a step keeps for the derivative, and the derivatives on their way, of one batch.
        samples: Of samples that are kept there, and of batches on their way.
        free: What the process may take; None where nobody says.
        there: How much there is: `which has 79.1 GiB: 0.0 are this process's, 78.6 are free`.
    """

    device: str
    weights: int
    gradients: int
    optimizer: int
    activations: int
    samples: int
    free: int | None
    there: str

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.samples

    @property
    def is_too_much(self) -> bool:
        """True where that is more than there is."""
        return self.free is not None and self.total > self.free

    def __str__(self) -> str:
        """`needs about 3.1 GiB in the memory of cuda (weights 45 MiB, …), which has 79.1 GiB: …`."""
        parts = {name: getattr(self, name) for name in ("weights", "gradients", "optimizer", "activations", "samples")}
        listed = ", ".join(f"{name} {size_in_words(size)}" for name, size in parts.items() if size)
        return f"needs about {size_in_words(self.total)} in the memory of {self.device} ({listed}), {self.there}"
