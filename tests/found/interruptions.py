"""Stopping and going on: everything that a checkpoint counts on is there, and nothing is taken over that belongs elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from faults.cases.runner import Case
from faults.harness import digest
from found.run_steps import STEPS, epochs, fittool, rows, stopped, train, whole, write

from fittool.runs.checkpoint import load_checkpoint, save_checkpoint

BEST = "EarlyStopping: {monitor: val_loss, patience: 9, restore_best_weights: true}"
LAST = "run/checkpoints/last.safetensors"


def _goes_on_as_one(*callbacks: str, stop_after: int) -> Callable[[Path], None]:
    """A run that is stopped and goes on ends as one that was not, its rows recorded once, and is whole all the time."""

    def probe(folder: Path) -> None:
        write(*callbacks)
        train("whole")
        expected = digest(Path("whole")), rows("whole")
        shutil.rmtree("backup", ignore_errors=True)
        stopped(stop_after)
        whole()
        fittool("resume", "run", "--experiment", "e.yaml")
        whole()
        assert (digest(Path("run")), rows()) == expected

    return probe


def _kept_weights_are_lost(folder: Path) -> None:
    write(BEST)
    stopped(3 * STEPS + 2)  # in the third epoch; the best one is before it
    kept = list(Path("run/checkpoints").glob("kept_*"))
    assert kept
    for path in (*kept, Path("run/checkpoints/best.safetensors"), Path("run/checkpoints/previous.safetensors")):
        path.unlink()
    fittool("verify", "run", code=5, says=["The weights that EarlyStopping kept are in no file of the run."])
    fittool("resume", "run", says=["the weights that EarlyStopping kept are in no file of the run any more"])


def _kept_weights_are_written_again(folder: Path) -> None:
    """Found in another file, they are in their own before that other file is replaced."""
    write(BEST)
    stopped(STEPS + 1)
    for path in Path("run/checkpoints").glob("kept_*"):
        path.unlink()
    whole()
    stopped(1)
    assert list(Path("run/checkpoints").glob("kept_EarlyStopping-*"))
    whole()


def _old_kept_files_are_removed(folder: Path) -> None:
    write(BEST, "ModelCheckpoint: {monitor: loss, save_best_only: true}")
    train()
    facts = [load_checkpoint(Path("run/checkpoints", name)).facts for name in ("last.safetensors", "previous.safetensors")]
    counted = {f"kept_EarlyStopping-{one.training['kept']['EarlyStopping']['step']}.safetensors" for one in facts}
    assert {path.name for path in Path("run/checkpoints").glob("kept_*")} == counted


def _backup_of_another(*changes: tuple[str, str], says: str) -> Callable[[Path], None]:
    """A backup of something else is refused, and left as it is."""

    def probe(folder: Path) -> None:
        callback = "BackupAndRestore: {backup_dir: backup, delete_checkpoint: false}"
        write(callback)
        train("first")
        before = Path("backup/last.safetensors").read_bytes()
        write(callback, changes=changes)
        train("other", code=5, says=["is of another training", says, "Remove it, or choose another backup_dir."])
        assert Path("backup/last.safetensors").read_bytes() == before

    return probe


def _backup_of_more_epochs(folder: Path) -> None:
    callback = "BackupAndRestore: {backup_dir: backup, delete_checkpoint: false}"
    write(callback)
    train("first")
    write(callback, changes=[("epochs: 4", "epochs: 6")])
    train("longer", says=["going on from epoch 4"])
    assert epochs("longer") == [1, 2, 3, 4, 5, 6]
    whole("longer")


def _backup_after_accepted_changes(folder: Path) -> None:
    callback = "BackupAndRestore: {backup_dir: backup}"
    write(callback)
    stopped(2 * STEPS + 4)
    write(callback, changes=[("learning_rate: 0.03", "learning_rate: 0.01")])
    train("run", "--accept-changes", says=["is of another training", "It is not used, and will be replaced."])
    assert epochs() == [1, 2, 3, 4]
    whole()


def _newer_backup(folder: Path) -> None:
    """A backup in the middle of an epoch is newer than the run's checkpoint of its end."""
    write("BackupAndRestore: {backup_dir: backup, save_freq: 2}", BEST)
    train("whole")
    stopped(2 * STEPS + 5)  # eight steps, two validations: saved by the signal within the third epoch
    backup, own = load_checkpoint(Path("backup/last.safetensors")).facts, load_checkpoint(Path(LAST)).facts
    assert backup.step <= own.step
    Path("run/checkpoints/previous.safetensors").replace(LAST)  # as if the process had been killed instead
    assert backup.step > load_checkpoint(Path(LAST)).facts.step
    fittool("resume", "run", "--experiment", "e.yaml", says=["BackupAndRestore: going on from epoch 2, step 2"])
    assert (digest(Path("run")), rows()) == (digest(Path("whole")), rows("whole"))
    whole()


def _left_over_in_the_backup(folder: Path) -> None:
    write("BackupAndRestore: {backup_dir: backup}")
    stopped(STEPS + 3)
    Path("backup/.fittool-99999999-0123abcd.tmp").write_bytes(b"half")
    train()
    assert not Path("backup").exists()


def _backup_of_the_first_release(folder: Path) -> None:
    """It does not say of what it is, nor of which moment the kept weights are; both are taken over."""
    write("BackupAndRestore: {backup_dir: backup}", BEST)
    stopped(3 * STEPS + 3)
    path = Path("backup/last.safetensors")
    saved = load_checkpoint(path)
    training = {name: value for name, value in saved.facts.training.items() if name not in ("kept", "identity")}
    save_checkpoint(path, saved.tensors, replace(saved.facts, training=training))
    step = saved.facts.training["kept"]["EarlyStopping"]["step"]
    Path(f"backup/kept_EarlyStopping-{step}.safetensors").rename("backup/kept_EarlyStopping.safetensors")
    train("new", says=["BackupAndRestore: going on from epoch 2"])
    assert epochs("new") == [1, 2, 3, 4]


_BACKUPS = {
    "each epoch": "BackupAndRestore: {backup_dir: backup}",
    "each step": "BackupAndRestore: {backup_dir: backup, save_freq: 1, double_checkpoint: true}",
    "kept": "BackupAndRestore: {backup_dir: backup, save_freq: 2, delete_checkpoint: false}",
}

CASES = [
    *(
        Case(
            "goes on",
            f"a run with a backup {name}, stopped at moment {moment}",
            probe=_goes_on_as_one(setting, BEST, stop_after=moment),
        )
        for name, setting in _BACKUPS.items()
        for moment in (1, STEPS, STEPS + 1, 2 * STEPS + 3)
    ),
    *(
        Case("goes on", f"a run with {callback.partition(':')[0]}", probe=_goes_on_as_one(callback, stop_after=2 * STEPS + 3))
        for callback in (
            "CSVLogger: {filename: log.csv}",
            "ModelCheckpoint: {monitor: loss, save_best_only: true}",
            "ReduceLROnPlateau: {patience: 1}",
            "LearningRateScheduler: {schedule: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 4}}}",
            "TerminateOnNaN",
            "ProgbarLogger",
        )
    ),
    Case("counted on", "kept weights in no file", probe=_kept_weights_are_lost),
    Case("counted on", "kept weights found elsewhere", probe=_kept_weights_are_written_again),
    Case("counted on", "kept weights of earlier epochs", probe=_old_kept_files_are_removed),
    Case("identified", "backup of another seed", probe=_backup_of_another(("seed: 3", "seed: 4"), says="its data and seed are")),
    Case("identified", "backup of other data", probe=_backup_of_another(("samples: 30", "samples: 31"), says="data")),
    Case("identified", "backup of another rate", probe=_backup_of_another(("0.03", "0.02"), says="its experiment is")),
    Case(
        "identified",
        "backup of another batch size",
        probe=_backup_of_another(("batch_size: 8", "batch_size: 4"), says="experiment"),
    ),
    Case("identified", "backup of fewer epochs", probe=_backup_of_more_epochs),
    Case("identified", "backup from before an accepted change", probe=_backup_after_accepted_changes),
    Case("newer wins", "backup in the middle of an epoch", probe=_newer_backup),
    Case("identified", "backup of 0.1.0", probe=_backup_of_the_first_release),
    Case("left over", "half a file in the backup", probe=_left_over_in_the_backup),
]
