"""The networks of torchvision, timm and transformers with random weights, for the tests that hold presets against them."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest


def torchvision_network(name: str, **arguments: Any) -> Any:
    """A network of torchvision, or a skip."""
    torch = pytest.importorskip("torch")
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Its wheel for graphics cards cannot load its C++ half beside a PyTorch without them; networks need none of it.
        for operator in ("nms", "qnms"):
            try:
                library = torch.library.Library("torchvision", "FRAGMENT")
                library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
                _HELD.append(library)
            except RuntimeError:  # it is there
                pass
        import torchvision
    torch.manual_seed(1)
    make = torchvision.models
    for part in name.split("."):
        make = getattr(make, part)
    return at_random(make(**arguments))


def timm_network(name: str, **arguments: Any) -> Any:
    """A network of timm, or a skip."""
    torch = pytest.importorskip("torch")
    torchvision_network("resnet18")  # timm imports it
    timm = pytest.importorskip("timm")
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return at_random(timm.create_model(name, **arguments))


_HELD: list[Any] = []


def at_random(network: Any) -> Any:
    """The network in evaluation, with statistics and offsets that are not those of the beginning, so that a mix-up shows."""
    import torch

    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            elif name.endswith(("running_mean", "bias", "token", "embedding", "pos_embed", "embeddings")):
                tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
            elif tensor.ndim == 1 and name.endswith("weight"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval()


def pictures(count: int, side: int, seed: int = 3) -> np.ndarray[Any, Any]:
    """(N, side, side, 3) pixels from 0 to 255, uint8, smooth as photographs are, and with their noise.

    Without it neighbours would tie, and of maxima that tie each library takes another to be the largest.
    """
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 236, (count, 4, 4, 3))
    smooth = np.repeat(np.repeat(coarse, side // 4, 1), side // 4, 2)
    return (smooth + random.integers(-20, 21, smooth.shape)).astype(np.uint8)


def normalized(images: np.ndarray[Any, Any], mean: Any, deviation: Any) -> Any:
    """(N, 3, H, W) as torchvision's transforms make them of pixels."""
    import torch

    return torch.from_numpy(((images / 255 - mean) / deviation).transpose(0, 3, 1, 2)).float().contiguous()
