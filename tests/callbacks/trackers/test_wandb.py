from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest
from cli.commands import environment, folder, small, write

__all__ = ["folder", "small", "write"]
HERE = importlib.util.find_spec("wandb") is not None
with_extra = pytest.mark.skipif(not HERE, reason="needs the extra wandb")
TRACKED = ("train:\n", "callbacks: [{WandB: {mode: offline, project: digits, tags: [a]}}]\ntrain:\n")
READ = """\
import json, sys
from wandb.proto import wandb_internal_pb2

def records(data):
    # LevelDB's log format: blocks of 32 KiB, each piece with checksum, length and kind before it
    place, whole = 7, b""
    while place + 7 <= len(data):
        room = 32768 - place % 32768
        if room < 7:
            place += room
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""

found = {"steps": [], "config": {}, "names": []}
for path in sys.argv[1:]:
    for data in records(open(path, "rb").read()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found["names"].append([record.run.project, record.run.run_id, list(record.run.tags)])
        if kind == "config":
            for item in record.config.update:
                found["config"][item.key or item.nested_key[0]] = json.loads(item.value_json)
        if kind == "history":
            values = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            if "val_loss" in values:
                found["steps"].append(values["_step"])
        if kind == "exit":
            found.setdefault("exits", []).append(record.exit.exit_code)
print(json.dumps(found))
"""


def run(*arguments, **more):
    done = subprocess.run(
        [sys.executable, "-m", "fittool", *map(str, arguments)],
        capture_output=True, text=True, timeout=110, env=environment(**{"WANDB_API_KEY": "", **more}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@with_extra
@pytest.mark.timeout(300)
def test_offline_files_hold_it_all_and_a_run_that_goes_on_keeps_its_identity(write, folder):
    run("train", write(TRACKED), "--run-dir", "one")
    run("resume", "one", "--epochs", "3")
    files = sorted(map(str, (folder / "one" / "wandb").glob("offline-run-*/*.wandb")))
    done = subprocess.run([sys.executable, "-c", READ, *files], capture_output=True, text=True, check=True, timeout=110)
    found = json.loads(done.stdout)
    identity = json.loads((folder / "one" / "environment.json").read_text())["run"]
    assert [list(one) for one in dict.fromkeys((a, b, *c) for a, b, c in found["names"])] == [["digits", identity, "a"]]
    assert found["steps"] == [1, 2, 3]
    assert found["exits"] == [0, 0]
    assert found["config"]["train.batch_size"] == 8


@with_extra
def test_without_a_key_it_asks_nothing_and_writes_files(write, folder):
    run("train", write(("train:\n", "callbacks: [WandB]\ntrain:\n")), "--run-dir", "one", HOME=str(folder))
    assert list((folder / "one" / "wandb").glob("offline-run-*"))


@with_extra
@pytest.mark.timeout(300)
def test_a_server_that_is_not_there_does_not_end_the_training(write, folder):
    done = run(
        "train", write(("train:\n", "callbacks: [{WandB: {mode: online}}]\ntrain:\n")), "--run-dir", "one", HOME=str(folder),
        WANDB_BASE_URL="http://127.0.0.1:9", WANDB_API_KEY="0" * 40,
    )  # fmt: skip
    assert done.stdout == "one\n"


@pytest.mark.skipif(HERE, reason="the extra is there")
def test_without_the_extra_it_says_what_to_install(write, folder):
    done = subprocess.run(
        [sys.executable, "-m", "fittool", "train", str(write(TRACKED))], capture_output=True, text=True, env=environment()
    )
    assert (done.returncode, "pip install 'fittool[wandb]'" in done.stderr) == (6, True)
