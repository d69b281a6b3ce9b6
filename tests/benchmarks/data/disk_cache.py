"""The second run with `cache: disk` on 50,000 JPEG files: the whole process, from its start to its first batch."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.inputs import jpeg_folder
from tests.benchmarks.measuring import Figure, processor_seconds

FILES = 50_000
EXPERIMENT = """
name: cached
data: {{train: {{folder: {{path: {path}}}}}, image: {{size: 32}}, cache: disk}}
model: {{layers: [Flatten, {{Dense: {{units: 10, activation: softmax}}}}]}}
compile: {{loss: sparse_categorical_crossentropy}}
train: {{mode: fit_generator, workers: 2}}
"""
RUN = """
import sys
from itertools import islice
from pathlib import Path
from fittool.experiment.building.prepare import prepare
from fittool.config.experiment_file import load_experiment
batches = prepare(load_experiment(Path(sys.argv[1]), ())).train_loader().batches(0)
for batch in islice(batches, int(sys.argv[2])):
    pass
batches.close()
"""


def figures(bench: Bench) -> list[Figure]:
    files = bench.size(FILES, 200)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cached.yaml"
        path.write_text(EXPERIMENT.format(path=jpeg_folder(Path(folder) / "images", files)))
        environment = os.environ | {"XDG_CACHE_HOME": folder, "PYTHONPATH": os.pathsep.join(sys.path)}

        def run(batches: int) -> float:
            command = [sys.executable, "-c", RUN, str(path), str(batches)]
            return processor_seconds(lambda: subprocess.run(command, env=environment, check=True))

        whole_pass = -(-files // 32)
        first = run(whole_pass)
        took = bench.compare({"start": lambda: run(1), "pass": lambda: run(whole_pass)})
    note = f"first run with a whole pass {first:.1f} s, later ones {took['pass']:.1f} s"
    name = f"seconds to the first batch of {files:,} cached files"
    return [Figure(name, took["start"], 2, True, note, took.values_of, took.control)]
