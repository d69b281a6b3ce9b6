from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import RemoteMonitor, started
from fittool.errors import ArgumentError
from fittool.training.display.progress import NullProgress
from fittool.training.plan import Plan


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            server.seen.append((self.path, self.headers["Content-Type"], self.headers.get("X-Key"), body))
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answer = [], 200
    server.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Heard(NullProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def run(*arguments, losses=(0.5,), epochs=2, **options):
    heard = Heard()
    callbacks = started([RemoteMonitor(*arguments, **options)])
    FakeTrainer(FakeEngine(losses), FakeLoader(1), None, callbacks, Plan(epochs), progress=heard).run()
    return heard.said


def test_each_epoch_is_a_field_of_a_form(server):
    assert run(server.root) == []
    path, kind, _, body = server.seen[1]
    assert (path, kind) == ("/publish/epoch/end/", "application/x-www-form-urlencoded")
    assert json.loads(parse_qs(body)["data"][0]) == {"epoch": 1, "loss": 0.5, "accuracy": 0.5, "learning_rate": 0.1}


def test_or_json_with_headers_of_ones_own(server):
    run(server.root, "/here", headers={"X-Key": "mine"}, send_as_json=True)
    path, kind, key, body = server.seen[0]
    assert (path, kind, key, json.loads(body)["epoch"]) == ("/here", "application/json", "mine", 0)


def test_what_is_not_finite_is_null(server):
    run(server.root, losses=[float("nan")], send_as_json=True)
    assert json.loads(server.seen[0][3])["loss"] is None


def test_an_answer_of_failure_is_told_once(server):
    server.answer = 500
    (said,) = run(server.root, epochs=3)
    assert "warning: RemoteMonitor" in said and "HTTP Error 500" in said
    assert len(server.seen) == 3


def test_nobody_there_is_a_warning():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (said,) = run(f"http://127.0.0.1:{port}")
    assert "cannot be reached" in said and "Training goes on" in said


@pytest.mark.parametrize("root", ["localhost:9000", "file:///etc", "ftp://a"])
def test_only_the_web_is_welcome(root):
    with pytest.raises(ArgumentError, match="must be a web address"):
        RemoteMonitor(root)
