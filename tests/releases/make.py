"""Makes `tests/releases/<version>/`: small runs of the fittool that is installed, for later releases to be tested on.

Run it with the interpreter of the release, once, when it is released; see CONTRIBUTING.md:

    python tests/releases/make.py

Each folder has four runs: `finished` and `interrupted`, with a layer that draws random numbers; `plain`, interrupted and
without; and `logits`, like `plain` but with a loss that takes logits. What names the machine is taken out of them; nothing
else is changed, so that their hashes hold.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fittool.version import __version__

HERE = Path(__file__).parent
EXPERIMENT = """\
name: release
seed: 7
data:
  train: {synthetic: {samples: 40, shape: [6], classes: 3}}
  validation: {synthetic: {samples: 15, shape: [6], classes: 3}}
model:
  layers:
    - Dense: {units: 8, activation: relu}
    - Dropout: {rate: 0.25}
    - Dense: {units: 3, activation: softmax}
compile:
  optimizer: {Adam: {learning_rate: 0.05}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
train:
  epochs: 3
  batch_size: 8
"""
PLAIN = EXPERIMENT.replace("    - Dropout: {rate: 0.25}\n", "")
LOGITS = PLAIN.replace(", activation: softmax", "").replace(
    "sparse_categorical_crossentropy", "{SparseCategoricalCrossentropy: {from_logits: true}}"
)


def main() -> None:
    """Make the four runs and put them where they belong."""
    with tempfile.TemporaryDirectory() as work:
        _interrupted(Path(work), "plain", PLAIN)
        _interrupted(Path(work), "logits", LOGITS)
        _interrupted(Path(work), "interrupted", EXPERIMENT)
        _train(Path(work), "finished", EXPERIMENT)
        for run in ("plain", "logits", "interrupted", "finished"):
            _without_machine(Path(work, run))
            shutil.copytree(Path(work, run), HERE / __version__ / run, ignore=shutil.ignore_patterns(".lock"))


def _interrupted(work: Path, run: str, experiment: str) -> None:
    """Two steps into the second of three epochs: each time the limit is over after one."""
    _train(work, run, experiment.replace("epochs: 3", "epochs: 1"))
    for _ in range(2):
        _train(work, run, experiment, "--timeout", "0.001s", code=75)


def _train(work: Path, run: str, experiment: str, *options: str, code: int = 0) -> None:
    (work / "experiment.yaml").write_text(experiment, encoding="utf-8")
    program = Path(sys.executable).with_name("fittool")
    done = subprocess.run([program, "train", "experiment.yaml", "--run-dir", run, "--resume", *options], cwd=work, check=False)
    assert done.returncode == code


def _without_machine(run: Path) -> None:
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    environment["machine"] |= {"release": "", "processor": ""}
    (run / "environment.json").write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    (run / "status.json").write_text(json.dumps(status | {"pid": 1}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
