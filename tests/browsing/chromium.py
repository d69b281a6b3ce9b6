"""A headless Chromium that tests talk to through two pipes, in the DevTools protocol: no driver and no library are needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

PROGRAM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
WHY_NOT = "no Chromium is installed (apt-get install chromium)"
AXE = Path(os.environ.get("FITTOOL_AXE", "axe.min.js"))
"""axe-core's script, which `.ci/run` installs by npm and names in FITTOOL_AXE."""
WHY_NO_AXE = "no axe-core is there (npm install axe-core; FITTOOL_AXE names its axe.min.js)"
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


class Tab:
    """One page of the browser.

    Attributes:
        said: What the page wrote to the console, and what the browser wrote there about it.
        asked: The addresses that the page asked for, itself included.
    """

    def __init__(self, process: subprocess.Popen[bytes], write: int, read: int) -> None:
        self._process, self._write, self._read = process, write, read
        self._numbers = count(1)
        self._rest = b""
        self._session: str | None = None
        self._events: list[str] = []
        self.said: list[str] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call the protocol and wait for the answer."""
        number = next(self._numbers)
        session = {} if self._session is None else {"sessionId": self._session}
        os.write(self._write, json.dumps({"id": number, "method": method, "params": parameters, **session}).encode() + b"\0")
        while (message := self._message()).get("id") != number:
            self._hear(message)
        assert "error" not in message, f"{method}: {message['error']}"
        return message["result"]

    def open(self, path: Path, *, width: int = 1000, height: int = 800, dark: bool = False, media: str = "") -> None:
        """Load a file, and wait until it is there."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._events.clear()
        self.said.clear()
        self.asked.clear()
        self.call("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._hear(self._message())

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def violations(self, levels: tuple[str, ...] = LEVELS) -> list[str]:
        """What axe-core finds wrong with the page, each with the elements; the page's own policy does not hold for axe."""
        self.call("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
        options = json.dumps({"runOnly": {"type": "tag", "values": list(levels)}})
        found = self.evaluate(f"axe.run(document, {options})")
        assert found["passes"], "axe-core checked nothing"
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in found["violations"] for node in one["nodes"]
        ]

    def picture(self, *, whole: bool = True) -> bytes:
        """A PNG of the page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **(self._clip() if whole else {}))
        return base64.b64decode(found["data"])

    def _clip(self) -> dict[str, Any]:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 16)
            assert part, "the browser has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def _hear(self, message: dict[str, Any]) -> None:
        method, told = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(told["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.said.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])


@contextmanager
def tab(profile: Path) -> Iterator[Tab]:
    """A browser with one page, ended afterwards.

    Args:
        profile: A folder that the browser may fill.
    """
    assert PROGRAM is not None
    (their_read, our_write), (our_read, their_write) = os.pipe(), os.pipe()
    # The browser reads at descriptor 3 and writes at 4; a shell puts the pipes there, whatever numbers they have here.
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    command = [
        "bash",
        "-c",
        f'exec "$0" "$@" 3<&{their_read} 4>&{their_write}',
        PROGRAM,
        *options,
        "--no-first-run",
        "about:blank",
    ]
    process = subprocess.Popen(
        command,
        pass_fds=(their_read, their_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_read)
    os.close(their_write)
    try:
        found = Tab(process, our_write, our_read)
        yield found
        with suppress(AssertionError, OSError):
            found._session = None
            found.call("Browser.close")
    finally:
        os.close(our_write)
        os.close(our_read)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
