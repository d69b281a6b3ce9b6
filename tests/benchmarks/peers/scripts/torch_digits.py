"""The training of configs/digits_fit.yaml, four epochs, by hand in PyTorch; the argument is the digits."""

import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(1)
with np.load(sys.argv[1]) as file:
    x, y = torch.from_numpy(file["x"]).permute(0, 3, 1, 2) / 255, torch.from_numpy(file["y"]).long()
first = len(x) * 4 // 5
network = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(True),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(True),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.25),
    nn.Linear(512, 64),
    nn.ReLU(True),
    nn.Dropout(0.25),
    nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(network.parameters(), 0.002, fused=True)
for _ in range(4):
    order, right = torch.randperm(first), 0
    network.train()
    for chosen in order.split(32):
        loss = functional.cross_entropy(network(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        for inputs, targets in zip(x[first:].split(32), y[first:].split(32), strict=True):
            right += int((network(inputs).argmax(1) == targets).sum())
