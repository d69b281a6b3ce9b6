"""Peak memory: of a folder that is streamed, with few and many files; and of `fit`, against the size of its images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.bench import Bench
from tests.benchmarks.inputs import images, jpeg_folder
from tests.benchmarks.measuring import Figure

FEW, MANY = 5_000, 50_000
LIST_BYTES = 250  # a file's name, size and time, its label, and its place in a split, while the folder is read
MIB = 1 << 20
COMMON = """
import resource, sys
import numpy as np
from itertools import islice
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.memory import in_memory
from fittool.data.sources import FolderSource, NpzSource, SourceContext
from fittool.data.splits.validation_split import split

def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/status") as status:  # ru_maxrss counts the process that started this one, too
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""
STREAM = (
    COMMON
    + """
files = FolderSource(path=sys.argv[1]).open(SourceContext(size=(32, 32)))
files.fingerprint()
batches = DatasetLoader(split(files, 0.1).train, 32, workers=2).batches(0)
for _ in islice(batches, 150):
    pass
print(peak())
"""
)
HOLD = (
    COMMON
    + """
before = peak()
data = {source}.open(SourceContext(size=(64, 64)))
held = in_memory(split(data, 0.1).train.dataset)
held.fingerprint()
for _ in islice(DatasetLoader(split(held, 0.1).train, 32).batches(0), 100):
    pass
print((peak() - before) / sum(array.nbytes for array in held.inputs))
"""
)


def figures(bench: Bench) -> list[Figure]:
    few, many, held = (bench.size(full, little) for full, little in ((FEW, 200), (MANY, 400), (20_000, 200)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        little, much = (_measured(STREAM, jpeg_folder(folder / str(count), count)) for count in (few, many))
        growth = (much - little) / (LIST_BYTES * (many - few))
        small = jpeg_folder(folder / "held", held, 64)
        np.savez_compressed(folder / "held.npz", x=images(held, 64) // 16, y=np.arange(held) % 10)
        of_folder = _measured(HOLD.format(source="FolderSource(path=sys.argv[1])"), small)
        of_npz = _measured(HOLD.format(source="NpzSource(path=sys.argv[1])"), folder / "held.npz")
    note = f"{little / MIB:.0f} and {much / MIB:.0f} MiB"
    return [
        Figure(f"growth from {few:,} to {many:,} files against {LIST_BYTES} bytes a file", growth, 1, most=True, note=note),
        Figure("fit on a folder against its images", of_folder, 1.2, most=True),
        Figure("fit on an npz file against its images", of_npz, 1.2, most=True),
    ]


def _measured(code: str, path: Path) -> float:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return float(subprocess.run([sys.executable, "-c", code, path], env=environment, check=True, capture_output=True).stdout)
