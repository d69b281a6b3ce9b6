"""Trials change nothing: `--smoke`, `verify --replay` and their like write, send, restore and delete nothing of the user's."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from faults.cases.runner import Case
from found.run_steps import STEPS, epochs, fittool, stopped, train, tree, whole, write

from fittool.runs.directory import RunDirectory

WRITING = {
    "CSVLogger": "CSVLogger: {filename: FOLDER/log.csv}",
    "CSVLogger that appends": "CSVLogger: {filename: FOLDER/log.csv, append: true}",
    "ModelCheckpoint": "ModelCheckpoint: {filepath: FOLDER/model.safetensors}",
    "ModelCheckpoint that fills a name in": 'ModelCheckpoint: {filepath: "FOLDER/{epoch}-{val_loss:.2f}.safetensors"}',
    "ModelCheckpoint by batches": "ModelCheckpoint: {filepath: FOLDER/model.safetensors, save_freq: 1}",
    "BackupAndRestore": "BackupAndRestore: {backup_dir: FOLDER/backup}",
    "BackupAndRestore that stays": "BackupAndRestore: {backup_dir: FOLDER/backup, delete_checkpoint: false}",
}
"""Callbacks that write outside of the run, by what they are."""


@contextmanager
def server() -> Iterator[tuple[str, list[bytes]]]:
    """A web server on this machine, and what was posted to it."""
    posted: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])) + str(self.headers).encode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", posted
        http.shutdown()


def _left(folder: Path) -> list[str]:
    """What trials have left in the folder for temporary files."""
    return sorted(path.name for path in folder.glob("fittool-*"))


def _unchanged(setting: str, trial: Callable[[], object], *, by: str, killed: bool = False) -> Callable[[Path], None]:
    """A trial of a run, finished or cut off, leaves everything as it was."""

    def probe(folder: Path) -> None:
        (folder / "mine").mkdir()
        write(setting.replace("FOLDER", str(folder / "mine")))
        if killed:
            stopped(STEPS + 3)
        else:
            train()
        before = tree("run", "mine")
        assert by != "replay" or before
        trial()
        assert tree("run", "mine") == before

    return probe


def _replay() -> None:
    fittool("verify", "run", "--replay", "2", "--experiment", "e.yaml", says=["replayed steps"])


def _smoke() -> None:
    fittool("train", "e.yaml", "--smoke", says=["smoke: ", "writes into the trial's own directory, not to its "])


def _sends_nothing(*command: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        with server() as (address, posted):
            write(f'RemoteMonitor: {{root: "{address}"}}')
            train()
            assert len(posted) == 4
            fittool(*command)
            assert len(posted) == 4

    return probe


def _inside_stays_inside(folder: Path) -> None:
    """Callbacks run in a smoke run, so that their mistakes are found: names below the run are as they are."""
    write("CSVLogger: {filename: log.csv}", "ModelCheckpoint: {filepath: models/m.safetensors}")
    fittool("train", "e.yaml", "--smoke", "--run-dir", "trial")
    assert Path("trial/log.csv").exists()
    assert Path("trial/checkpoints/models/m.safetensors").exists()
    write("CSVLogger: {filename: no/folder/log.csv}")
    fittool("train", "e.yaml", "--smoke", code=7)


def _relative_names_leave(folder: Path) -> None:
    write("CSVLogger: {filename: ../../out.csv}")
    before = set(Path(tempfile.gettempdir(), "..").resolve().iterdir())
    fittool("train", "e.yaml", "--smoke", says=["CSVLogger writes into the trial's own directory, not to its filename."])
    assert set(Path(tempfile.gettempdir(), "..").resolve().iterdir()) == before


def _smoke_reads_no_backup(folder: Path) -> None:
    """A backup of the interrupted run stays, and the trial does not go on from it."""
    write("BackupAndRestore: {backup_dir: backup}")
    stopped(2 * STEPS + 4)
    before = tree("backup", "run")
    done = fittool("train", "e.yaml", "--smoke")
    assert "going on from" not in done.err
    assert tree("backup", "run") == before
    train(says=["Continuing at epoch"])
    assert epochs() == [1, 2, 3, 4]
    whole()


def _steering_stays(folder: Path) -> None:
    """What decides about the numbers takes part in a replay."""
    rate = "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 4}}"
    write(
        f"LearningRateScheduler: {{schedule: {rate}}}",
        "EarlyStopping: {monitor: loss, patience: 1, restore_best_weights: true}",
        "TerminateOnNaN",
        changes=[("epochs: 4", "epochs: 30")],
    )
    train()
    assert epochs()[-1] < 30
    fittool("verify", "run", "--replay", "100000", says=["replayed steps 1 to "])


def _code_that_steers(folder: Path) -> None:
    """Code of one's own may steer, so it takes part where its file is named."""
    Path("mine.py").write_text(
        "import fittool as ft\n\n\nclass Mine(ft.callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None):\n"
        "        logs['twice'] = 2 * logs['loss']\n        self.run.learning_rate = 0.01 / (epoch + 1)\n"
    )
    write('python: {class: "mine:Mine"}')
    train()
    fittool("verify", "run", "--replay", "6", "--experiment", "e.yaml", says=["replayed steps", "rows of metrics"])


def _left_by_a_kill(folder: Path) -> None:
    """The directory of a trial whose process is gone is removed by the next one; one at work, and a stranger's, stay."""
    temporary = folder / "temporary"
    temporary.mkdir()
    before = tempfile.tempdir
    tempfile.tempdir = str(temporary)
    try:
        (temporary / "fittool-trial-strange").mkdir()
        with RunDirectory.temporary() as dead:
            dead.log("cut off")
        with RunDirectory.temporary() as alive:
            assert not dead.path.exists()
            with RunDirectory.temporary() as other:
                assert alive.path.exists() and other.path.exists()
        assert _left(temporary) == sorted(["fittool-trial-strange", alive.path.name, other.path.name])
    finally:
        tempfile.tempdir = before


def _no_cache(*command: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        from faults.cases.inputs import pictures

        pictures(folder, more="cache: disk")
        text = Path("e.yaml").read_text().replace("epochs: 1", "mode: fit_generator, epochs: 2")
        Path("e.yaml").write_text(text)
        caches = folder / "caches"
        os.environ["XDG_CACHE_HOME"] = str(caches)
        try:
            if command[0] == "verify":
                train("run", "--set", "data.cache=none")
                Path("run/experiment.yaml").write_text(
                    Path("run/experiment.yaml").read_text().replace("cache: none", "cache: disk")
                )
            fittool(*command)
            assert not caches.exists()
        finally:
            del os.environ["XDG_CACHE_HOME"]

    return probe


CASES = [
    *(
        Case(
            "trial",
            f"replay of a {state} run with {name}",
            probe=_unchanged(setting, _replay, by="replay", killed=state != "finished"),
        )
        for name, setting in WRITING.items()
        for state in ("finished", "stopped")
    ),
    *(
        Case("trial", f"smoke run beside one with {name}", probe=_unchanged(setting, _smoke, by="smoke", killed=True))
        for name, setting in WRITING.items()
    ),
    Case("trial", "smoke run with RemoteMonitor", probe=_sends_nothing("train", "e.yaml", "--smoke")),
    Case(
        "trial",
        "replay with RemoteMonitor",
        probe=_sends_nothing("verify", "run", "--replay", "2", "--experiment", "e.yaml"),
    ),
    *(
        Case("trial", f"{command[0]} of a run with RemoteMonitor", probe=_sends_nothing(*command))
        for command in (("verify", "run"), ("evaluate", "run"), ("check", "e.yaml"), ("summary", "e.yaml"), ("show", "e.yaml"))
    ),
    Case("trial", "names inside of the run", probe=_inside_stays_inside),
    Case("trial", "relative names that leave the run", probe=_relative_names_leave),
    Case("trial", "smoke run beside a backup", probe=_smoke_reads_no_backup),
    Case("trial", "replay with callbacks that steer", probe=_steering_stays),
    Case("trial", "replay with code of one's own", probe=_code_that_steers),
    Case("trial", "directories of killed trials", probe=_left_by_a_kill),
    Case("trial", "smoke run with a cache on disk", probe=_no_cache("train", "e.yaml", "--smoke")),
]
