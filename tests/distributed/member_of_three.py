"""One of three processes: it does the calls of a group, and writes down their results."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from fittool.distributed.environment import rank_environment
from fittool.distributed.membership import join
from fittool.errors import Interrupted

place = rank_environment(os.environ)
assert place is not None
with join(place, print) as group:
    rank = group.rank
    # 0.1 + 0.2 + 0.3 depends on the order in its last digit.
    sums = group.sum({"a": np.array([0.1, 0.2, 0.3])[rank : rank + 1], "b": np.array([[rank, 1.0]])})
    tensor = torch.full((2, 3), float(rank))
    group.sum_in_place(tensor)
    error = group.agree(Interrupted(15, "Enough.") if rank == 1 else None)
    found = {
        "size": group.size,
        "sums": {name: array.tolist() for name, array in sums.items()},
        "none": group.sum({}),
        "tensor": tensor.tolist(),
        "leader": group.broadcast({"rank": rank, "array": np.arange(3).tolist()}),
        "nobody": group.agree(None),
        "first": group.agree(rank if rank else None),
        "error": [type(error).__name__, str(error), error.exit_code],
        "interruption": group.interruption(),
    }
    Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(found))
