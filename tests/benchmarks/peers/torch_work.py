"""A plain PyTorch loop as the tutorials have it, with the fused optimizer and the channels last."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from tests.benchmarks.peers.torch_networks import network
from tests.benchmarks.peers.work import Turn, Work, arrays, timed


def prepare(work: Work, _: str) -> Turn:
    """The work, ready to be timed."""
    torch.set_num_threads(work.threads)
    x, y = (torch.from_numpy(array) for array in arrays(work))
    model = network(work.network)
    if x.ndim == 4:
        x = (x.permute(0, 3, 1, 2) / 255).contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    if work.kind == "predict":
        model.eval()
        return lambda: timed(lambda: _predictions(model, x, work.batch))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def epochs() -> None:
        for _ in range(work.epochs):
            for chosen in torch.randperm(len(x)).split(work.batch):
                loss = functional.cross_entropy(model(x[chosen]), y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    return lambda: timed(epochs)


def _predictions(model: Any, x: torch.Tensor, batch: int) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([functional.softmax(model(part), 1) for part in x.split(batch)])
