"""Runs from elsewhere: nothing in them acts outside of their directory unless the user names the experiment's file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from faults.cases.runner import Case
from found.run_steps import STEPS, epochs, fittool, stopped, train, tree, whole, write
from found.trials import server

from fittool.runs.directory import digest_of

CONSENT = "Give the experiment file with --experiment, if you trust it."
SECRET = "hunter2-9281"


def _planted(*changes: tuple[str, str]) -> None:
    """Let a run be its author's: another experiment, with the hash that belongs to it."""
    path, environment = Path("run/experiment.yaml"), Path("run/environment.json")
    old = path.read_text()
    text = old
    for before, after in changes:
        assert before in text, text
        text = text.replace(before, after)
    path.write_text(text)
    environment.write_text(environment.read_text().replace(digest_of(old), digest_of(text)))


def _refused(
    callback: str,
    *says: str,
    metrics: str = "accuracy",
    commands: Sequence[tuple[str, ...]] = (("resume", "run"), ("verify", "run", "--replay", "2")),
) -> Callable[[Path], None]:
    """Both commands that train refuse the run with exit 5 and name the key; nothing is changed; with consent it goes on."""

    def probe(folder: Path) -> None:
        (folder / "victim").mkdir()
        (folder / "victim" / ".bashrc").write_text("alias ls=ls\n")
        write(callback, metrics=metrics)
        stopped(STEPS + 3)
        before = tree("run", "victim")
        for command in commands:
            fittool(*command, code=5, says=[*says, CONSENT])
        after = tree("run", "victim")
        assert {name: text for name, text in after.items() if not name.endswith((".lock", "run.log", "status.json"))} == {
            name: text for name, text in before.items() if not name.endswith((".lock", "run.log", "status.json"))
        }
        fittool("resume", "run", "--experiment", "e.yaml")
        assert epochs() == [1, 2, 3, 4]

    return probe


def _goes_on(*callbacks: str) -> Callable[[Path], None]:
    """What stays inside of the run needs no consent."""

    def probe(folder: Path) -> None:
        write(*(callback.replace("RUN", str(folder / "run")) for callback in callbacks))
        stopped(STEPS + 3)
        fittool("resume", "run")
        whole()
        fittool("verify", "run", "--replay", "2")

    return probe


def _link_in_the_run(folder: Path) -> None:
    """A folder of the run that is a link leads outside, whatever the name says."""
    (folder / "victim").mkdir()
    write("CSVLogger: {filename: log.csv}")
    stopped(STEPS + 3)
    Path("run/tables").symlink_to(folder / "victim")
    _planted(("filename: log.csv", "filename: tables/log.csv"))
    fittool("resume", "run", code=5, says=["callbacks[0].CSVLogger.filename", CONSENT])
    assert not list((folder / "victim").iterdir())


def _checkpoints_are_a_link(name: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        write()
        stopped(STEPS + 3)
        (folder / "elsewhere").mkdir()
        if Path("run", name).exists():
            Path("run", name).rename(folder / "elsewhere" / name)
        else:
            (folder / "elsewhere" / name).mkdir()
        Path("run", name).symlink_to(folder / "elsewhere" / name)
        before = tree("elsewhere")
        fittool("resume", "run", code=7, says=["it is a symbolic link, which fittool does not write through"])
        train(code=7)
        assert tree("elsewhere") == before

    return probe


def _planted_refused(
    *changes: tuple[str, str], says: Sequence[str], commands: Sequence[tuple[str, ...]]
) -> Callable[[Path], None]:
    """What fittool itself never writes into a run."""

    def probe(folder: Path) -> None:
        os.environ["MY_SECRET"] = SECRET
        try:
            write()
            stopped(STEPS + 3)
            _planted(*changes)
            for command in commands:
                done = fittool(*command, code=5, says=says)
                assert SECRET not in done.out + done.err
            assert not [name for name, content in tree("run").items() if SECRET.encode() in content]
        finally:
            del os.environ["MY_SECRET"]

    return probe


def _secret_headers(folder: Path) -> None:
    """The server gets the value; nothing of the run has it; going on, comparing and training from the run's file work."""
    os.environ["MY_SECRET"] = SECRET
    try:
        with server() as (address, posted):
            write(f'RemoteMonitor: {{root: "{address}", headers: {{Authorization: "Bearer ${{ENV:MY_SECRET}}"}}}}')
            stopped(2 * STEPS + 4)
            assert SECRET.encode() in posted[0]
            before = Path("run/experiment.yaml").read_text()
            assert "Bearer ${ENV:MY_SECRET}" in before
            fittool(
                "resume", "run", code=5, says=["callbacks[0].RemoteMonitor.headers.Authorization", "${ENV:MY_SECRET}", CONSENT]
            )
            fittool("evaluate", "run")
            train()
            assert epochs() == [1, 2, 3, 4]
            assert Path("run/experiment.yaml").read_text() == before
            assert len(posted) == 4 and SECRET.encode() in posted[-1]
            shown = fittool("show", "e.yaml")
            assert SECRET not in shown.out
            fittool("train", "run/experiment.yaml", "--run-dir", "again")
            assert SECRET.encode() in posted[-1]
            assert not [name for name, content in tree("run", "again").items() if SECRET.encode() in content]
    finally:
        del os.environ["MY_SECRET"]


def _secret_address(folder: Path) -> None:
    """An address that is a secret itself, as those of chat rooms are, is not told either."""
    os.environ["MY_SECRET"] = SECRET
    try:
        write('RemoteMonitor: {root: "http://127.0.0.1:9/${ENV:MY_SECRET}"}')
        done = train("run", says=["RemoteMonitor: http://127.0.0.1:9 cannot be reached"])
        assert SECRET not in done.err
        assert not [name for name, content in tree("run").items() if SECRET.encode() in content]
    finally:
        del os.environ["MY_SECRET"]


def _values_that_count(folder: Path) -> None:
    """A value that decides about the numbers is written, whatever it came from, and text that only looks so stays text."""
    os.environ["MY_SECRET"] = "17"
    try:
        write(changes=[("seed: 3", "seed: ${ENV:MY_SECRET}"), ("name: small", "name: small")])
        stopped(STEPS + 3)
        assert "seed: 17" in Path("run/experiment.yaml").read_text()
    finally:
        del os.environ["MY_SECRET"]
    fittool("resume", "run")


_TRAIN = (("resume", "run"), ("verify", "run", "--replay", "2"))
_READ = (("evaluate", "run"), ("predict", "run", "x.npy"))

CASES = [
    Case("foreign", "metric whose name a shell runs, into a file of a shell", probe=_refused(
        "CSVLogger: {filename: ../victim/.bashrc}", "callbacks[0].CSVLogger.filename", "writes outside of the run",
        metrics='Accuracy: {name: "$(id>pwned)"}')),
    Case("foreign", "absolute model file", probe=_refused(
        "ModelCheckpoint: {filepath: /tmp/fittool-foreign/m.safetensors, monitor: loss, save_best_only: true, initial_value_threshold: -1}", "callbacks[0].ModelCheckpoint.filepath")),
    Case("foreign", "model file that leaves by ..", probe=_refused(
        "ModelCheckpoint: {filepath: ../../victim/m.safetensors}", "callbacks[0].ModelCheckpoint.filepath")),
    Case("foreign", "model file that leaves by a filled name", probe=_refused(
        'ModelCheckpoint: {filepath: "../../victim/{epoch}.safetensors"}', "callbacks[0].ModelCheckpoint.filepath")),
    Case("foreign", "model file that is absolute once it is filled in", probe=_refused(
        'ModelCheckpoint: {filepath: "{epoch:/>2}/../tmp/fittool-foreign/m.safetensors"}',
        "callbacks[0].ModelCheckpoint.filepath")),
    Case("foreign", "backup elsewhere", probe=_refused("BackupAndRestore: {backup_dir: victim}", "callbacks[0].BackupAndRestore.backup_dir")),
    Case("foreign", "address", probe=_refused('RemoteMonitor: {root: "http://127.0.0.1:9"}', "callbacks[0].RemoteMonitor.root", "sends to")),
    *(Case("foreign", f"nothing that leaves: {name}", probe=_goes_on(*callbacks)) for name, callbacks in {
        "table": ["CSVLogger: {filename: log.csv}"],
        "table by its whole path": ["CSVLogger: {filename: RUN/log.csv}"],
        "model files": ['ModelCheckpoint: {filepath: "models/{epoch}.safetensors"}'],
        "model file beside the checkpoints": ["ModelCheckpoint: {filepath: ../m.safetensors}"],
        "backup in the run": ["BackupAndRestore: {backup_dir: run/backup}"],
        "steering": ["EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN"],
    }.items()),
    Case("foreign", "link in the run", probe=_link_in_the_run),
    Case("foreign", "checkpoints are a link", probe=_checkpoints_are_a_link("checkpoints")),
    Case("foreign", "plots are a link", probe=_checkpoints_are_a_link("plots")),
    Case("foreign", "variable in a header", probe=_planted_refused(
        ("callbacks: []", 'callbacks: [{RemoteMonitor: {root: "http://127.0.0.1:9", headers: {X: "${ENV:MY_SECRET}"}}}]'),
        says=["callbacks[0].RemoteMonitor.headers.X from the environment, ${ENV:MY_SECRET}", CONSENT], commands=_TRAIN)),
    Case("foreign", "variable in a name", probe=_planted_refused(
        ("name: small", "name: ${ENV:MY_SECRET}"), says=["takes name from the environment", CONSENT], commands=(*_TRAIN, *_READ))),
    Case("foreign", "variable with a default", probe=_planted_refused(
        ("name: small", "name: ${ENV:MY_SECRET:x}"), says=["takes name from the environment", CONSENT], commands=(*_TRAIN, *_READ))),
    Case("foreign", "another file", probe=_planted_refused(
        ("name: small", "extends: /etc/passwd\nname: small"), says=["extends another file"], commands=(*_TRAIN, *_READ))),
    Case("foreign", "data of a server", probe=_planted_refused(
        ("synthetic: {samples: 30, shape: [6], classes: 3}", "npz: {path: 'https://127.0.0.1:9/x.npz'}"),
        says=["reads data from https://127.0.0.1:9/x.npz", "data.train.npz.path", CONSENT], commands=(*_TRAIN, ("evaluate", "run")))),
    Case("secret", "header", probe=_secret_headers),
    Case("secret", "address", probe=_secret_address),
    Case("secret", "value that counts", probe=_values_that_count),
]  # fmt: skip
