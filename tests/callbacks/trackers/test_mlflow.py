"""MLflow as it is installed: its default store, and a server of its own. Trainings run as commands, as users run them."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest
from cli.commands import environment, folder, small, write

from fittool.callbacks import MLflow

__all__ = ["folder", "small", "write"]
HERE = importlib.util.find_spec("mlflow") is not None
with_extra = pytest.mark.skipif(not HERE, reason="needs the extra mlflow")
TRACKED = ("train:\n", "callbacks: [{MLflow: {}}]\ntrain:\n")
READ = """\
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1] if len(sys.argv) > 1 else None)
found = [
    {"experiment": experiment.name, "name": run.info.run_name, "status": run.info.status, "params": run.data.params,
     "tags": run.data.tags, "loss": [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "val_loss")]}
    for experiment in client.search_experiments() for run in client.search_runs([experiment.experiment_id])
]
print(json.dumps(found))
"""


def run(*arguments, **more):
    variables = environment(MLFLOW_TRACKING_URI="", GIT_PYTHON_REFRESH="quiet", **more)
    done = subprocess.run(
        [sys.executable, "-m", "fittool", *map(str, arguments)], capture_output=True, text=True, env=variables, timeout=400
    )
    assert done.returncode == 0, done.stderr
    return done


def logged(*uri):

    done = subprocess.run([sys.executable, "-c", READ, *uri], capture_output=True, text=True, timeout=400, check=True)
    return json.loads(done.stdout)


@with_extra
@pytest.mark.long
@pytest.mark.timeout(600)  # importing MLflow and making its store take long on a busy machine
def test_a_run_that_goes_on_goes_on_in_the_same_run_of_the_default_store(write, folder):
    config = write(TRACKED)
    run("train", config, "--run-dir", "one")
    run("resume", "one", "--epochs", "4")
    (found,) = logged()
    identity = found["tags"]["fittool.run"]
    assert (found["experiment"], found["name"], found["status"]) == ("small", identity, "FINISHED")
    assert [step for step, _ in found["loss"]] == [1, 2, 3, 4]
    assert found["params"]["train.batch_size"] == "8"
    assert found["params"]["model.layers.1.Conv2D.filters"] == "4"
    assert (found["params"]["train.epochs"], found["tags"]["changed.train.epochs"]) == ("2", "4")


@pytest.fixture
def server(folder):
    """The address of an MLflow server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--default-artifact-root", str(folder / "artifacts")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + 100
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            if answer.status == 200:
                break
        time.sleep(0.2)
    yield address
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its workers take their time
    process.wait(30)


@with_extra
@pytest.mark.long
@pytest.mark.timeout(600)  # importing MLflow and making its store take long on a busy machine
def test_a_server_gets_it_and_a_signal_is_told(write, server):
    config = write(("train:\n", f"callbacks: [{{MLflow: {{tracking_uri: '{server}', tags: {{team: a}}}}}}]\ntrain:\n"))
    run("train", config, "--run-dir", "one")
    (found,) = logged(server)
    assert (found["status"], found["tags"]["team"]) == ("FINISHED", "a")
    assert [step for step, _ in found["loss"]] == [1, 2]
    run("train", config, "--run-dir", "one", "--resume", "--set", "train.epochs=3")
    (found,) = logged(server)
    assert [step for step, _ in found["loss"]] == [1, 2, 3]


@with_extra
def test_a_server_that_is_not_there_is_one_warning(write, folder):
    done = run("train", write(("train:\n", "callbacks: [{MLflow: {tracking_uri: 'http://127.0.0.1:9'}}]\ntrain:\n")))
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: MLflow:")]
    assert len(warnings) == 2, done.stderr
    assert "127.0.0.1" in warnings[0] and warnings[0].endswith("Training goes on.")
    assert warnings[1] == "warning: MLflow: 4 messages could not be sent in time."


@with_extra
def test_a_smoke_run_sends_nothing(write, folder):
    done = run("train", write(TRACKED), "--smoke")
    assert "smoke: MLflow is left out, as a trial sends nothing." in done.stderr
    assert not (folder / "mlflow.db").exists()


def test_where_it_sends_and_writes_is_said():
    assert MLflow().addresses() == MLflow().files() == {}
    assert MLflow(tracking_uri="https://x.example/a").addresses() == {"tracking_uri": "https://x.example/a"}
    assert MLflow(tracking_uri="databricks://p").addresses() == {"tracking_uri": "databricks://p"}
    assert MLflow(tracking_uri="sqlite:////tmp/a.db").files() == {"tracking_uri": "/tmp/a.db"}
    assert MLflow(tracking_uri="runs").files() == {"tracking_uri": os.path.abspath("runs")}


@pytest.mark.skipif(HERE, reason="the extra is there")
def test_without_the_extra_it_says_what_to_install(write, folder):
    done = subprocess.run(
        [sys.executable, "-m", "fittool", "train", str(write(TRACKED))], capture_output=True, text=True, env=environment()
    )
    assert (done.returncode, "pip install 'fittool[mlflow]'" in done.stderr) == (6, True)
