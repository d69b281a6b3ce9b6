"""The files of an experiment with a network of its own in PyTorch."""

from __future__ import annotations

EXPERIMENT = """
name: own
seed: 3
engine: {torch: {device: cpu, threads: 1}}
data: {train: {npz: {path: data.npz}}}
model: {python: "net:make", arguments: {width: 4}}
compile: {optimizer: adam, loss: {SparseCategoricalCrossentropy: {from_logits: true}}, metrics: [accuracy]}
train: {mode: fit, epochs: 3, batch_size: 16, validation_split: 0.2}
"""
NETWORK = """
from torch import nn

def make(width, outputs=2):
    layers = [nn.Conv2d(2, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(16 * width, outputs))

def number():
    return 7

def fails():
    return 1 / 0

class Pair(nn.Module):
    def forward(self, x):
        return x, x

def pair():
    return Pair()
"""
