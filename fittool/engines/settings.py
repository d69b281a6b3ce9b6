"""The engines as an experiment names them: descriptions alone, so that reading an experiment loads none of them."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from fittool.settings import Boolean, Family, Field, Integer, Named, Text, setting


@setting
class EngineSetting(Named):
    """The engine that executes the steps."""

    can_share: ClassVar[bool] = False
    """True where several processes can train one network together."""
    can_hold: ClassVar[bool] = False
    """True where samples can be kept in the memory of the device that computes."""

    threads: Annotated[Integer, Field(ge=1, le=1024)] | None = Field(
        default=None,
        kw_only=True,
        description="Threads to compute with; by default OMP_NUM_THREADS, else all that the process may use. Results do not "
        "depend on it.",
    )


@setting
class Numpy(EngineSetting):
    """NumPy on the processor: trains without any framework."""

    kernels: Literal["auto", "native", "numpy"] = Field(
        default="auto",
        kw_only=True,
        description="Whether fittool's own compiled kernels compute: `native` needs them, `numpy` does without, `auto` takes "
        "them where they are; a run that goes on does as it began. Results differ in their last digits.",
    )

    @classmethod
    def public_name(cls) -> str:
        """`numpy`, as the library writes itself."""
        return "numpy"


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise PydanticCustomError("device", "must be auto, cpu, cuda, cuda:0, cuda:1 and so on, or mps")
    return name


Device = Annotated[Text, AfterValidator(_device)]
"""A place to compute: the processor, one of NVIDIA's or AMD's graphics cards, or Apple's."""


@setting
class Torch(EngineSetting):
    """PyTorch, on the processor or on a graphics card; needs the extra `torch`."""

    can_share: ClassVar[bool] = True
    can_hold: ClassVar[bool] = True

    device: Device = Field(
        default="auto", description="Where it computes: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` for a GPU where there is one."
    )
    precision: Literal["float32", "tf32", "bf16", "float16"] = Field(
        default="float32",
        description="Of products: `tf32` rounds their factors, `bf16` and `float16` compute in 16 bits, the latter with losses "
        "that are scaled. Weights stay float32.",
    )
    compile: Boolean = Field(
        default=False, description="Whether PyTorch compiles the network: steps get faster, the first one takes long."
    )
    channels_last: Boolean = Field(default=True, description="Whether images lie in memory with the channels last.")
    deterministic: Boolean = Field(
        default=False, description="Whether only algorithms are used that give the same bits each time, on the same device."
    )
    threads: Annotated[Integer, Field(ge=1, le=1024)] | None = Field(
        default=None,
        kw_only=True,
        description="Threads of the processor to compute with; by default OMP_NUM_THREADS, else all that the process may use. "
        "The last digits of results may depend on it.",
    )
    cuda_graphs: Boolean = Field(
        default=False,
        description="Whether calls on a GPU are recorded once and replayed, which pays for small networks; compiles them too.",
    )
    synchronized_batch_normalization: Boolean = Field(
        default=False,
        description="Whether, with many processes, BatchNormalization takes mean and variance of the batch of all of them; else "
        "each takes those of its own samples.",
    )
    recompute: tuple[Text, ...] = Field(
        default=(),
        description="Layers, by name or pattern such as `stage1_*`, whose values are computed anew for the gradient instead of "
        "kept: less memory for more time.",
    )

    @classmethod
    def public_name(cls) -> str:
        """`torch`, as the library writes itself."""
        return "torch"


@setting
class Auto(EngineSetting):
    """PyTorch where it and a graphics card are there, else NumPy."""

    @classmethod
    def public_name(cls) -> str:
        """`auto`."""
        return "auto"


ENGINES: Family[EngineSetting] = Family("engine", {"numpy": Numpy, "torch": Torch, "auto": Auto})
