"""The summary of a training that is posted to a web address at its end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fittool.callbacks.remote_monitor import server_of
from fittool.errors import FittoolError, visible
from fittool.runs.directory import RunDirectory
from fittool.training.display.formatting import duration, number
from fittool.training.trainer import Trainer

if TYPE_CHECKING:
    from fittool.config.optional_sections.notify import Notify

TIMEOUT = 5.0
"""Seconds that the end of a training waits at most."""


@contextmanager
def notifying(notify: Notify | None, trainer: Trainer, directory: RunDirectory) -> Iterator[None]:
    """Post a summary at the end of what is done within, well or not; whatever fails there is one warning.

    Args:
        notify: Whom; None: nobody.
        trainer: Trains within.
        directory: The run.
    """
    try:
        yield
    finally:
        if notify is not None:
            with suppress(FittoolError):  # a warning that cannot be written must not hide how the training ended
                for warning in _post(notify, directory):
                    trainer.say(f"warning: {warning}")


def _post(notify: Notify, directory: RunDirectory) -> list[str]:
    """Post in a thread, as a name that cannot be looked up holds a process up for longer than any limit; what went wrong."""
    failed: list[str] = []
    server = visible(server_of(notify.url))
    body = json.dumps(summary_of(directory), allow_nan=False).encode()
    thread = threading.Thread(target=_send, args=(notify, body, failed), name="fittool-notify", daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if thread.is_alive():
        failed = [f"it did not answer within {TIMEOUT:g} s"]
    return [f"notify: {server} could not be told of the end: {text}." for text in failed[:1]]


def _send(notify: Notify, body: bytes, failed: list[str]) -> None:
    from urllib.request import Request, urlopen

    headers = {"Content-Type": "application/json", "User-Agent": "fittool", **(notify.headers or {})}
    try:
        with urlopen(Request(notify.url, body, headers, method="POST"), timeout=TIMEOUT) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                failed.append(f"HTTP {answer.status}")
    except ValueError:  # whose text holds the header, which may be a secret
        failed.append("the address or a header holds what HTTP cannot carry")
    except Exception as error:  # in this thread nobody else would hear of it
        failed.append(visible(str(error)) or type(error).__name__)


def summary_of(directory: RunDirectory) -> dict[str, Any]:
    """What is posted: how a run stands, as plain data, and `text`, a sentence that chat services show."""
    status = directory.read_status()
    best = status.best if status.best is not None and _is_finite(status.best) else None
    name = directory.path.parent.name if directory.path.name == directory.id else directory.path.name
    parts = [f"{name} {status.state}: {status.reason}"]
    if best is not None:
        parts.append(f"Best: epoch {best['epoch']}, {best['monitor']} {number(float(best['value']))}.")
    if status.seconds is not None:
        parts.append(f"It took {duration(status.seconds)}.")
    return {
        "text": " ".join(parts),
        "name": name,
        "run": directory.id,
        "directory": str(directory.path),
        "state": status.state,
        "reason": status.reason,
        "epoch": status.epoch,
        "step": status.step,
        "best": best,
        "seconds": status.seconds,
        "started": status.started,
        "ended": status.updated,
        "exit_code": status.exit_code,
    }


def _is_finite(best: Any) -> bool:
    value = best.get("value")
    return isinstance(value, int | float) and abs(value) < float("inf")
