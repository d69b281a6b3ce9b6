"""The identity of a training in Python: what a backup is held against before a `fit` goes on from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from fittool.data.loading.batch_loader import BatchLoader, DatasetLoader
from fittool.model.architecture import described
from fittool.model.network import Network
from fittool.nn.layers import Layer
from fittool.runs.files.json_text import to_json


def identity_of(layers: Sequence[Layer], network: Network, seed: int, loader: BatchLoader) -> dict[str, str]:
    """Hashes of model and data; batches whose content nobody knows before have none.

    Args:
        layers: The model's.
        network: Its network, with what `compile` was told.
        seed: Its seed.
        loader: The training data.
    """
    compiled = None if network.compiled is None else network.compiled.plain()
    settings = {"network": described(layers, network.graph), "compile": compiled, "batch_size": loader.batch_size}
    data = loader.dataset.fingerprint() if isinstance(loader, DatasetLoader) else ""
    return {"experiment": hashlib.sha256(to_json(settings)).hexdigest(), "data": data, "seed": str(seed)}
