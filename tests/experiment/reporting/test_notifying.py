from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cli.commands import DIVERGING, fittool, folder, small, write

from fittool.config.experiment_file import load_experiment
from fittool.errors import CheckpointError
from fittool.experiment.building.consent import experiment_to_train
from fittool.experiment.reporting import notifying
from fittool.runs.directory import RunDirectory

__all__ = ["fittool", "folder", "small", "write"]


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.seen.append((self.path, self.headers["Content-Type"], self.headers.get("X-Key"), body))
            server.hang.wait()
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answer, server.hang = [], 200, threading.Event()
    server.hang.set()
    server.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def told(write, server):
    return write(("train:\n", f"notify: {{url: '{server.root}/hook', headers: {{X-Key: secret}}}}\ntrain:\n"))


def test_a_summary_is_posted_at_the_end(fittool, told, server):
    run = fittool("train", told).run
    ((path, kind, key, body),) = server.seen
    assert (path, kind, key) == ("/hook", "application/json", "secret")
    found, status = json.loads(body), run.read_status()
    assert (found["name"], found["run"], found["state"], found["epoch"], found["exit_code"]) == (
        "small",
        run.id,
        "completed",
        2,
        0,
    )
    assert found["best"] == dict(status.best or {})
    assert found["seconds"] == status.seconds
    assert found["text"].startswith("small completed: Finished 2 epochs. Best: epoch ")
    assert found["directory"] == str(run.path)


def test_a_bad_end_is_told_too(fittool, told, server):
    assert fittool("train", told, *DIVERGING).code == 9
    found = json.loads(server.seen[0][-1])
    assert (found["state"], found["exit_code"]) == ("diverged", 9)


@pytest.mark.parametrize(("answer", "code"), [(404, "404"), (500, "500")])
def test_an_answer_that_refuses_is_one_warning(fittool, told, server, answer, code):
    server.answer = answer
    done = fittool("train", told)
    (warning,) = [line for line in done.err.splitlines() if "notify" in line]
    assert warning.startswith(f"warning: notify: {server.root} could not be told of the end: ")
    assert code in warning and "secret" not in warning and "/hook" not in warning
    assert done.code == 0


def test_nobody_there_is_one_warning(fittool, write):
    done = fittool("train", write(("train:\n", "notify: {url: 'http://127.0.0.1:9/hook'}\ntrain:\n")))
    assert done.code == 0
    assert done.err.count("notify") == 1


def test_a_server_that_hangs_is_not_waited_for_long(fittool, told, server, monkeypatch):
    monkeypatch.setattr(notifying, "TIMEOUT", 0.05)
    server.hang.clear()
    done = fittool("train", told)
    assert done.code == 0
    assert done.err.count("warning: notify") == 1
    assert done.run.read_status().state == "completed"


def test_a_smoke_run_tells_nobody(fittool, told, server):
    assert fittool("train", told, "--smoke").code == 0
    assert server.seen == []


def test_a_run_of_others_sends_nothing_without_consent(fittool, told, server):
    run = fittool("train", told).run
    with pytest.raises(CheckpointError, match=r"sends to http://127\.0\.0\.1:\d+/hook as notify\.url"):
        experiment_to_train(run, None)
    assert fittool("evaluate", run.path).code == 0
    assert fittool("resume", run.path, "--epochs", "3", "--experiment", told, "--set", "train.epochs=3").code in (0, 2)
    assert len(server.seen) <= 2


def test_the_address_may_be_a_secret_and_is_not_written_down(fittool, write, server, monkeypatch):
    monkeypatch.setenv("HOOK", f"{server.root}/secret-path")
    done = fittool("train", write(("train:\n", "notify: {url: '${ENV:HOOK}'}\ntrain:\n")))
    assert len(server.seen) == 1
    written = [path for path in done.run.path.rglob("*") if path.is_file() and b"secret-path" in path.read_bytes()]
    assert written == []
    assert 'url: "${ENV:HOOK}"' in done.run.paths.experiment.read_text()
    assert fittool("evaluate", done.run.path).code == 0


def test_what_is_no_address_is_an_error(fittool, write):
    done = fittool("check", write(("train:\n", "notify: {url: localhost}\ntrain:\n")))
    assert (done.code, "must be a web address such as" in done.err) == (3, True)


def test_it_does_not_count_as_another_experiment(fittool, small, write, folder):
    run = RunDirectory.open(fittool("train", small).run.path)
    write(("train:\n", "notify: {url: 'http://127.0.0.1:9'}\ntrain:\n"))
    assert load_experiment(folder / "e.yaml").experiment.notify is not None
    assert fittool("train", "e.yaml", "--run-dir", run.path, "--resume").code == 0
