"""The networks written in PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from tests.benchmarks.peers.work import BLOCKS, FEATURES


def network(name: str) -> nn.Module:
    """One of them, with logits for ten classes."""
    return {
        "digits-mlp": _digits_mlp, "simple_cnn": _simple_cnn, "resnet20": _resnet20, "depthwise": _depthwise, "lstm": LastOfLSTM,
    }[name]()  # fmt: skip


def _digits_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def _simple_cnn() -> nn.Module:
    blocks: list[nn.Module] = []
    for before, filters in ((3, 32), (32, 64)):
        blocks += [nn.Conv2d(before, filters, 3, padding=1), nn.ReLU(True), nn.Conv2d(filters, filters, 3), nn.ReLU(True)]
        blocks += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    last = [nn.Linear(2304, 512), nn.ReLU(True), nn.Dropout(0.5), nn.Linear(512, 10)]
    return nn.Sequential(*blocks, nn.Flatten(), *last)


def _resnet20() -> nn.Module:
    return _residual(16, stages=3, blocks=3)


def resnet18() -> nn.Module:
    """ResNet-18 for images of 32 x 32."""
    return _residual(64, stages=4, blocks=2)


def _residual(filters: int, stages: int, blocks: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(True)]
    before = filters
    for stage in range(stages):
        for block in range(blocks):
            layers.append(Block(before, filters * 2**stage, 2 if stage and not block else 1))
            before = filters * 2**stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


class Block(nn.Module):
    """A residual block."""

    def __init__(self, before: int, filters: int, strides: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, filters, 3, strides, 1, bias=False)
        self.second = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(filters) for _ in range(2))
        turned = nn.Conv2d(before, filters, 1, strides, bias=False)
        same = strides == 1 and before == filters
        self.shortcut = nn.Identity() if same else nn.Sequential(turned, nn.BatchNorm2d(filters))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.relu_(self.norms[0](self.first(x)))
        return torch.relu_(self.norms[1](self.second(inner)) + self.shortcut(x))


def _depthwise() -> nn.Module:
    before, layers = 32, [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(True)]
    for filters, strides in BLOCKS:
        layers += [nn.Conv2d(before, before, 3, strides, 1, groups=before, bias=False), nn.BatchNorm2d(before), nn.ReLU(True)]
        layers += [nn.Conv2d(before, filters, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(True)]
        before = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


class LastOfLSTM(nn.Module):
    """An LSTM whose last output is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.output = nn.LSTM(FEATURES, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.lstm(x)[0][:, -1])
