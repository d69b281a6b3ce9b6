"""The ways to go on, one after the other; changes that must be noticed; snapshots; and what is said at the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from faults.cases.runner import Case, Done
from faults.harness import digest
from found.run_steps import STEPS, epochs, fittool, stopped, train, tree, whole, write

ROOT = Path(__file__).parents[2]
CLASSES = "{train: {csv: {path: t.csv, label: kind}}}"
SYNTHETIC = "{train: {synthetic: {samples: 30, shape: [6], classes: 3}}}"


def _table(names: tuple[str, str, str]) -> None:
    rows = [f"{index % 3},{index % 5},{names[index % 3]}" for index in range(30)]
    Path("t.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")


def _weights_of_classes(*names: str) -> Callable[[Path], None]:
    """Another weight of a class is another experiment, whatever the class is called."""

    def probe(folder: Path) -> None:
        _table((names[0], names[1], names[2]))

        def weights(factor: float) -> tuple[str, str]:
            each = ", ".join(f"{name}: {factor * (number + 1)}" for number, name in enumerate(names))
            return "epochs: 4", f"epochs: 4, class_weight: {{{each}}}"

        write(changes=[(SYNTHETIC, CLASSES), weights(1.0)])
        stopped(STEPS + 3)
        write(changes=[(SYNTHETIC, CLASSES), weights(50.0)])
        train(code=3, says=[f"train.class_weight.{name} was " for name in names])

    return probe


def _arguments_of_code(folder: Path) -> None:
    Path("mine.py").write_text(
        "import fittool as ft\n\n\nclass Mine(ft.callbacks.Callback):\n    def __init__(self, **given):\n        self.given = given\n"
    )
    write('python: {class: "mine:Mine", arguments: {workers: 1, verbose: 0, name: a, cache: ram}}')
    stopped(STEPS + 3)
    write('python: {class: "mine:Mine", arguments: {workers: 2, verbose: 1, name: b, cache: disk}}')
    keys = ("workers", "verbose", "name", "cache")
    train(code=3, says=[f"callbacks[0].python.arguments.{key} was " for key in keys])


def _what_does_not_count(folder: Path) -> None:
    write("EarlyStopping: {patience: 9, verbose: 0}", "CSVLogger: {filename: log.csv}")
    stopped(STEPS + 3)
    more = "epochs: 4, workers: 2, verbose: 2, max_queue_size: 3"
    write("ProgbarLogger", "EarlyStopping: {patience: 9, verbose: 1}",
          changes=[("name: small", "name: other"), ("epochs: 4", more), ("threads: 1", "threads: 2")])  # fmt: skip
    train()
    assert epochs() == [1, 2, 3, 4]


def _names_of_layers(folder: Path) -> None:
    """A layer, an output or a metric with one of our keys as its name is the user's thing."""
    change = ("Dense: {units: 3, activation: softmax}", "Dense: {units: 3, activation: softmax, name: verbose}")
    write(changes=[change])
    stopped(STEPS + 3)
    write(changes=[(change[0], change[1].replace("softmax", "sigmoid"))])
    train(code=3, says=["Dense.activation was softmax"])


def _longer_then_cron(folder: Path) -> None:
    """A file with fewer epochs than a finished run has done is no change."""
    write()
    train()
    fittool("resume", "run", "--epochs", "6")
    before = tree("run")
    train(says=["Finished on ", "nothing to do"])
    assert {name: text for name, text in tree("run").items() if ".lock" not in name} == {
        name: text for name, text in before.items() if ".lock" not in name
    }
    write(changes=[("epochs: 4", "epochs: 7")])
    train()
    assert epochs() == [1, 2, 3, 4, 5, 6, 7]
    whole()


def _shorter_while_it_is_cut_off(folder: Path) -> None:
    """A run that was made longer and stopped there says truly what is different."""
    write()
    train()
    write(changes=[("epochs: 4", "epochs: 8")])
    stopped(STEPS + 3)
    write()
    train(code=3, says=["train.epochs was 8 when the run last went on, and is 4 now."])
    fittool("resume", "run")
    assert epochs() == list(range(1, 9))


def _snapshot_of_hard_links(folder: Path) -> None:
    write()
    train("whole")
    stopped(STEPS + 3)
    shutil.copytree("run", "snapshot", copy_function=os.link)
    before = tree("snapshot")
    fittool("resume", "run")
    assert tree("snapshot") == before
    whole("snapshot")
    after = tree("run")
    fittool("resume", "snapshot")
    assert tree("run") == after
    for name in ("run", "snapshot"):
        whole(name)
        assert digest(Path(name)) == digest(Path("whole"))


def _snapshot_at_work(folder: Path) -> None:
    """The lock of a run is not that of its snapshot."""
    from fittool.runs.directory import RunDirectory

    write()
    stopped(STEPS + 3)
    shutil.copytree("run", "snapshot", copy_function=os.link)
    with RunDirectory.open(Path("run"), lock=True):
        fittool("resume", "snapshot")


def _extends(content: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        write()
        Path("base.yaml").write_text(content)
        Path("e.yaml").write_text("extends: base.yaml\n" + Path("e.yaml").read_text())
        return ["check", "e.yaml"]

    return make


def _names_the_next(folder: Path) -> None:
    write()
    train("my run", says=["Next: fittool evaluate 'my run'"])
    fittool("evaluate", "my run")
    write(changes=[("validation_split: 0.2", "validation_split: 0.0")])
    train("other", says=["Next: fittool predict other PATH"])
    assert "Next" not in fittool("train", "e.yaml", "--run-dir", "quiet", "--quiet").err
    assert "Next" not in fittool("train", "e.yaml", "--smoke").err


def _names_how_to_go_on(folder: Path) -> None:
    write(changes=[("epochs: 4", "epochs: 4000")])
    train("run", "--timeout", "0.2s", code=75, says=["Go on with: fittool resume run\n", "The state is saved in run."])
    write("BackupAndRestore: {backup_dir: backup}", changes=[("epochs: 4", "epochs: 4000")])
    train("other", "--timeout", "0.2s", code=75, says=["Go on with: fittool resume other --experiment e.yaml\n"])


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


def _interrupt_while_click_is_imported(folder: Path) -> None:
    """The instant itself: a click that interrupts when it is imported."""
    write()
    (folder / "early").mkdir()
    (folder / "early" / "click.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n")
    paths = os.pathsep.join([str(folder / "early"), str(ROOT)])
    for line in (["-m", "fittool"], ["-c", "from fittool.__main__ import main; main()"]):
        done = subprocess.run(
            [sys.executable, *line, "--version"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
            check=False,
        )
        assert (done.returncode, done.stderr) == (-signal.SIGINT, ""), done


def _terminated_replay(folder: Path) -> None:
    """A replay that is ended by a signal leaves nothing in the folder for temporary files."""
    write(changes=[("epochs: 4", "epochs: 400"), ("samples: 30", "samples: 3000")])
    stopped(1500)
    temporary = folder / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        line = [sys.executable, "-m", "fittool", "verify", "run", "--replay", "1000000"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
            _until(
                lambda process=process: process.poll() is not None or bool(list(temporary.glob("fittool-trial-*/metrics.jsonl")))
            )
            process.send_signal(number)
            _, err = process.communicate(timeout=100)
        assert process.returncode in (-number, 0), err
        assert b"Traceback" not in err
        assert not list(temporary.iterdir())


def _problems_of_a_replay(done: Done) -> None:
    assert "2 errors." in done.err and "Nothing was run" not in done.err, done.err


def _two_problems(folder: Path) -> list[str]:
    write("CSVLogger: {filename: log.csv}")
    train()
    Path("run/log.csv").unlink()
    Path("run/history.csv").write_text("epoch\n")
    return ["verify", "run"]


CASES = [
    *(
        Case("changed", f"weights of classes called {', '.join(names)}", probe=_weights_of_classes(*names))
        for names in (("workers", "verbose", "other"), ("view_metrics", "max_queue_size", "epochs"), ("name", "cache", "output"))
    ),
    Case("changed", "arguments of code called like ours", probe=_arguments_of_code),
    Case("changed", "layer called like one of our keys", probe=_names_of_layers),
    Case("changed", "nothing that counts", probe=_what_does_not_count),
    Case("both ways", "resume --epochs, then cron", probe=_longer_then_cron),
    Case("both ways", "a longer file, then the old one", probe=_shorter_while_it_is_cut_off),
    Case("snapshot", "copy of hard links", probe=_snapshot_of_hard_links),
    Case("snapshot", "copy of hard links of a run at work", probe=_snapshot_at_work),
    *(
        Case(
            "extends",
            f"a file that is {name}",
            make=_extends(content),
            exit_code=3,
            says=["e.yaml:1:10: extends: base.yaml must hold keys"],
        )
        for name, content in {
            "text": "just text\n",
            "a list": "- 1\n- 2\n",
            "empty": "",
            "a number": "7\n",
            "only a comment": "# none\n",
        }.items()
    ),
    Case("next", "after the end", probe=_names_the_next),
    Case("next", "after a stop", probe=_names_how_to_go_on),
    Case("signal", "while click is imported", probe=_interrupt_while_click_is_imported),
    Case("signal", "while a replay trains", probe=_terminated_replay),
    Case("wording", "problems of verify", make=_two_problems, exit_code=5, lines=2, check=_problems_of_a_replay),
]
