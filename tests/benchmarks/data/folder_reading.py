"""The first pass over a folder of small JPEG files, against a bare loop of Pillow in as many threads."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.sources import FolderSource, SourceContext
from tests.benchmarks.bench import Bench
from tests.benchmarks.inputs import BATCH, jpeg_folder
from tests.benchmarks.measuring import Figure, seconds

FILES = 6400


def figures(bench: Bench) -> list[Figure]:
    files = bench.size(FILES, 30 * BATCH)
    with tempfile.TemporaryDirectory() as folder:
        root = jpeg_folder(Path(folder) / "images", files)
        paths = sorted(str(path) for path in root.rglob("*.jpg"))
        sides = {f"{kind} {workers}": partial(side, paths, workers) for kind, side in (("Pillow", bare),) for workers in (1, 2)}
        sides |= {f"threads {workers}": partial(ours, root, files, workers, False) for workers in (1, 2)}
        sides["processes 2"] = partial(ours, root, files, 2, True)
        rates = bench.compare(sides, on_two=True)
    note, better = rates.in_numbers("files/s"), "threads 2" if rates["threads 2"] > rates["processes 2"] else "processes 2"
    return [
        rates.figure("one thread against bare Pillow in one", "threads 1", "Pillow 1", 0.9, note=note),
        rates.figure("two threads against bare Pillow in two", "threads 2", "Pillow 2", 0.9),
        rates.figure("the better of two workers against bare Pillow in two", better, "Pillow 2", 0.9),
    ]


def bare(paths: list[str], threads: int) -> float:
    """Files a second, a thread taking a batch of files at a time."""

    def decode(first: int) -> list[np.ndarray]:
        decoded = []
        for path in paths[first : first + BATCH]:
            with Image.open(path) as image:
                decoded.append(np.asarray(image.convert("RGB")))
        return decoded

    with ThreadPoolExecutor(threads) as pool:
        return len(paths) / seconds(lambda: list(pool.map(decode, range(0, len(paths), BATCH))))


def ours(root: Path, count: int, workers: int, processes: bool) -> float:
    """Files a second; the start of the workers does not count."""
    files = FolderSource(path=str(root)).open(SourceContext(size=(32, 32)))
    walk = DatasetLoader(files, BATCH, workers=workers, use_multiprocessing=processes).batches(0)
    for _ in islice(walk, 20):
        pass
    steps = count // BATCH
    took = seconds(lambda: [None for _ in islice(walk, steps)])
    walk.close()  # type: ignore[attr-defined]
    return steps * BATCH / took
