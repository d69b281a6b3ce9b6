"""Numbers that are not finite, and numbers that must be the same however often a run was killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fittool.engines.numpy_engine import NumpyEngine
from fittool.runs.checkpoint import load_checkpoint

from .harness import Bench, check_goes_on, check_said, check_whole, digest, reference, sabotaged, signalled, train_copy
from .rows import row

_DENSE = "{layers: [Dense: {units: 8, activation: relu}, Dense: {units: 1}]}"
_RATE = "def rate(epoch, rate):\n    return 1e30 if epoch >= 2 else rate\n"


def _optimizer(written: str) -> tuple[str, str]:
    return ("optimizer: adam", f"optimizer: {written}")


_STOP = "EarlyStopping: {monitor: loss, patience: 1, min_delta: 0.5, restore_best_weights: true}"
SETTINGS = {
    "adam, augmentation, dropout, plateau": [],
    "momentum": [_optimizer("{SGD: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}")],
    "schedule": [
        _optimizer("{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0.01, decay_steps: 9}}}}"),
        ("ReduceLROnPlateau: {patience: 2}, ", ""),
    ],
    "early stopping": [("ReduceLROnPlateau: {patience: 2}", _STOP)],
    "averages": [_optimizer("{Adam: {use_ema: true, ema_momentum: 0.9}}")],
    "accumulation": [_optimizer("{SGD: {gradient_accumulation_steps: 2}}")],
    "clipping": [_optimizer("{RMSprop: {global_clipnorm: 0.5}}")],
    "mixing": [("horizontal_flip: true", "horizontal_flip: true, mixup: 0.4"), ("sparse_categorical", "categorical")],
    "normalization": [("Dropout: {rate: 0.2}", "BatchNormalization, GaussianNoise: {stddev: 0.1}")],
    "no shuffling": [("mode: fit_generator", "shuffle: false, mode: fit_generator")],
    "in memory": [("mode: fit_generator", "mode: fit"), ("augmentation: {rotation_range: 20, horizontal_flip: true}\n", "")],
    "class weights": [("mode: fit_generator", "class_weight: balanced, mode: fit_generator")],
}
QUICK = ("adam, augmentation, dropout, plateau", "early stopping")


def _write(bench: Bench, epochs: int, changes: list[tuple[str, str]]) -> None:
    path = bench.experiment(epochs)
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def _table(bench: Bench, x: Any, y: Any, more: str) -> None:
    """An experiment on a table of numbers."""
    np.savez(bench.folder / "data.npz", x=np.asarray(x, np.float32), y=np.asarray(y, np.float32))
    head = "seed: 1\nengine: {numpy: {threads: 1}}\ndata: {train: {npz: {path: data.npz}}}\n"
    (bench.folder / "e.yaml").write_text(f"{head}model: {_DENSE}\n{more}\n")


def _checkpoints(run: Path) -> Iterator[Path]:
    yield from run.glob("checkpoints/*.safetensors")


def _check_finite(run: Path) -> None:
    assert list(_checkpoints(run)), "nothing was saved"
    for path in _checkpoints(run):
        for name, array in load_checkpoint(path).tensors.items():
            assert not name.startswith("weights/") or np.isfinite(array).all(), f"{path.name}: {name} is not finite"


def _status(run: Path) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((run / "status.json").read_text())
    return status


@row("T01", "the loss is not finite any more")
def t01(bench: Bench) -> str:
    (bench.folder / "mine.py").write_text(_RATE)
    x = np.random.default_rng(0).normal(size=(40, 3))
    scheduled = 'compile: {optimizer: sgd, loss: mse}\ncallbacks: [LearningRateScheduler: {schedule: "mine:rate"}]'
    _table(bench, x, x[:, 0], f"{scheduled}\ntrain: {{epochs: 5, batch_size: 8, view_metrics: false}}")
    done = train_copy(bench.folder, "run")
    check_said(done, (9,))
    for piece in ("at epoch 3, step ", "(last finite: ", "data.npz: x[", "Largest weight: ", "last good checkpoint is from"):
        assert piece in done.err, f"does not say {piece!r}: {done.err}"
    _check_finite(bench.run)
    assert load_checkpoint(bench.run / "diverged.safetensors").facts.step
    assert _status(bench.run)["state"] == "diverged"
    check_whole(bench.run)
    (bench.folder / "mine.py").write_text(_RATE.replace("1e30", "1e-3"))
    assert train_copy(bench.folder, "run", "--accept-changes").code == 0
    return "exit 9 at the very step, checkpoints finite, going on with a smaller rate works"


@row("T02", "a weight is infinite while the loss is finite")
def t02(bench: Bench) -> str:
    def sabotage() -> None:
        plain = NumpyEngine.state

        def state(self: NumpyEngine) -> dict[str, Any]:
            found = plain(self)
            if self.iterations >= 5:
                found["weights/dense/bias"][3] = np.inf
            return found

        NumpyEngine.state = state  # type: ignore[method-assign]

    _write(bench, 4, [])
    done = train_copy(bench.folder, "run", sabotage=sabotage)
    check_said(done, (9,))
    assert "dense/bias is not finite at epoch 2" in done.err, done.err
    _check_finite(bench.run)
    return "found when it was to be saved"


@row("T03", "a metric is NaN")
def t03(bench: Bench) -> str:
    def sabotage() -> None:
        plain = NumpyEngine.metrics

        def metrics(self: NumpyEngine) -> dict[str, float]:
            found = plain(self)
            return {**found, "accuracy": float("nan")} if self.iterations == 6 else found

        NumpyEngine.metrics = metrics  # type: ignore[method-assign]

    _write(
        bench, 4, [("ReduceLROnPlateau: {patience: 2}", "ModelCheckpoint: {monitor: accuracy, mode: max, save_best_only: true}")]
    )
    done = train_copy(bench.folder, "run", sabotage=sabotage)
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (bench.run / "metrics.jsonl").read_text().splitlines()]
    assert "nan" in json.dumps(rows[1]).lower(), "the fault did not fire"
    best = _status(bench.run)["best"]["epoch"]
    assert best != 2
    assert load_checkpoint(bench.run / "checkpoints" / "best.safetensors").facts.epoch == best
    return f"epoch 2 is not the best, epoch {best} is"


@row("T04", "arithmetic overflows beside the loss")
def t04(bench: Bench) -> str:
    x = np.random.default_rng(0).normal(size=(24, 3))
    compiled = "compile: {optimizer: adam, loss: mean_absolute_error, metrics: [mean_squared_error]}"
    _table(bench, x, np.full(24, 1e25), f"{compiled}\ntrain: {{epochs: 2, view_metrics: false}}")
    done = sabotaged(bench.folder, "train", "e.yaml", "--run-dir", "run")
    assert done.code == 0, done.err
    assert "overflow" not in done.err and "Warning" not in done.err, done.err
    log = (bench.run / "run.log").read_text()
    assert "times overflow" in log, log
    return next(line.split(" ", 1)[1] for line in log.splitlines() if "times overflow" in line)


@row("T05", "denormal and huge numbers")
def t05(bench: Bench) -> str:
    x, told = np.random.default_rng(0).normal(size=(24, 3)), []
    for scale, rate in ((1e-42, 0.01), (1e18, 0.01), (1e38, 0.01), (1.0, 1e30), (1.0, 1e-40)):
        compiled = f"compile: {{optimizer: {{SGD: {{learning_rate: {rate!r}}}}}, loss: mse}}"
        _table(bench, x * scale, x[:, 0], f"{compiled}\ntrain: {{epochs: 3, view_metrics: false}}")
        run = bench.folder / f"{scale:g} {rate:g}"
        done = sabotaged(bench.folder, "train", "e.yaml", "--run-dir", run)
        check_said(done, (0, 9))
        if done.code == 0:
            _check_finite(run)
        told.append(str(done.code))
    return f"exit codes {', '.join(told)}"


@row("T06", "exactness of going on, killed after every k-th step, for many settings")
def t06(bench: Bench) -> str:
    kills = 0
    names = list(SETTINGS) if bench.level else QUICK
    for name in names:
        _write(bench, 3, SETTINGS[name])
        whole = train_copy(bench.folder, "reference")
        assert whole.code == 0, f"{name}: {whole.err}"
        expected, steps = digest(bench.folder / "reference"), _status(bench.folder / "reference")["step"]
        for step in range(1, steps + 1, 1 if bench.level else 4):
            run = f"{name} {step}"
            assert train_copy(bench.folder, run, sabotage=signalled(step)).code == -signal.SIGKILL
            _check_ends_the_same(bench, run, expected)
            kills += 1
        (bench.folder / "reference").rename(bench.folder / f"reference {name}")
    return f"{len(names)} settings, {kills} kills, all final weights and rows identical"


def _check_ends_the_same(bench: Bench, run: str, expected: str, *options: object) -> None:
    done = train_copy(bench.folder, run, *options)
    assert done.code == 0, f"{run}: {done.err}"
    assert digest(bench.folder / run) == expected, f"{run}: the final weights or rows are other ones"


@row("T07", "order of the samples after going on")
def t07(bench: Bench) -> str:
    def noting(kill_at: int | None) -> Callable[[], None]:
        def sabotage() -> None:
            plain, log = NumpyEngine.train_step, open(bench.folder / "seen.txt", "a")  # noqa: SIM115  (until the copy ends)

            def train_step(self: NumpyEngine, batch: Any) -> None:
                log.write(json.dumps([self.iterations, batch.inputs[0][:, 0].astype(int).tolist()]) + "\n")
                log.flush()
                plain(self, batch)
                if kill_at is not None and self.iterations >= kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            NumpyEngine.train_step = train_step  # type: ignore[method-assign]

        return sabotage

    x = np.repeat(np.arange(40.0)[:, None], 3, 1)
    compiled = "compile: {optimizer: {SGD: {learning_rate: 0}}, loss: mse}\noutput: {checkpoint: {every: {steps: 3}}}"
    _table(bench, x, x[:, 0], f"{compiled}\ntrain: {{epochs: 4, batch_size: 8, view_metrics: false}}")
    for kill_at in (4, 9, 13, 18, None):
        train_copy(bench.folder, "run", sabotage=noting(kill_at))
    seen: dict[int, list[int]] = {}
    repeated = 0
    for line in (bench.folder / "seen.txt").read_text().splitlines():
        step, samples = json.loads(line)
        repeated += step in seen
        assert seen.setdefault(step, samples) == samples, f"step {step} had other samples when it was done again"
    passes = [[sample for step in range(first, first + 5) for sample in seen[step]] for first in range(0, 20, 5)]
    assert all(sorted(one) == list(range(40)) for one in passes), "samples were skipped or repeated"
    assert len({tuple(one) for one in passes}) == 4, "two passes have the same order"
    assert repeated, "no step was done again, so nothing was killed"
    return f"4 kills, {repeated} steps done again with the same samples; each pass has all samples once, in its own order"


@row("T08", "early stopping and the best epoch after going on")
def t08(bench: Bench) -> str:
    _write(bench, 12, SETTINGS["early stopping"])
    assert train_copy(bench.folder, "reference").code == 0
    whole = _status(bench.folder / "reference")
    assert whole["state"] == "stopped" and whole["epoch"] < 12, whole
    for step in range(2, whole["step"] + 1, 1 if bench.level else 3):
        run = bench.folder / f"{step}"
        assert train_copy(bench.folder, run, sabotage=signalled(step)).code == -signal.SIGKILL
        assert train_copy(bench.folder, run).code == 0
        same = {name: _status(run)[name] == whole[name] for name in ("state", "epoch", "step", "best", "reason")}
        assert all(same.values()), f"killed at step {step}: {same}"
        best = load_checkpoint(run / "checkpoints" / "best.safetensors").facts.epoch
        assert best == whole["best"]["epoch"]
    return f"stopped after epoch {whole['epoch']} with epoch {whole['best']['epoch']} as the best, each time"


@row("T09", "going on, and on, and on")
def t09(bench: Bench) -> str:
    times = bench.many(8, 50)
    _write(bench, times, [])
    assert train_copy(bench.folder, "reference").code == 0
    sizes = []
    for _ in range(times):
        killed = train_copy(bench.folder, "run", sabotage=signalled(3))
        assert killed.code == -signal.SIGKILL, killed.err
        sizes.append(bench.last.stat().st_size)
    grown = sizes[-1] - sizes[1]  # the first one had no best epoch yet
    assert grown < 50, f"the checkpoint grew by {grown} bytes"
    check_goes_on(bench, digest(bench.folder / "reference"))
    return f"{times} times, file of {sizes[-1]:,} bytes, the same end"


@row("T10", "other numbers of workers")
def t10(bench: Bench) -> str:
    expected = reference(bench, 3)
    for workers in ("0", "1", "2"):
        set_workers = ("--set", f"train.workers={workers}")
        assert train_copy(bench.folder, f"whole {workers}", *set_workers).code == 0
        assert digest(bench.folder / f"whole {workers}") == expected
        assert train_copy(bench.folder, f"killed {workers}", sabotage=signalled(5)).code == -signal.SIGKILL
        _check_ends_the_same(bench, f"killed {workers}", expected, *set_workers)
    return "0, 1 and 2 workers from the start, and after a kill: the same bytes"
