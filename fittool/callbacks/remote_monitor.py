"""RemoteMonitor: the values of each epoch to a web server."""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.settings import Boolean, Field, Text, setting

if TYPE_CHECKING:
    from urllib.request import Request

_TIMEOUT = 5.0  # seconds; a server that hangs must not hold the training up for long


def web_address(root: str) -> str:
    """The text, which must be an address that HTTP can be spoken to."""
    parts = urllib.parse.urlsplit(root)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise PydanticCustomError("web_address", "must be a web address such as http://localhost:9000")
    return root


@setting
class RemoteMonitor(CallbackSetting):
    """Sends epoch, loss and metrics by HTTP POST after each epoch; a server that does not answer is a warning."""

    writes_only: ClassVar[bool] = True

    root: Annotated[Text, AfterValidator(web_address)] = Field(
        default="http://localhost:9000", description="Address of the server."
    )
    path: Text = Field(default="/publish/epoch/end/", description="Path on the server.")
    field: Text = Field(default="data", description="Form field that holds the JSON; unused with send_as_json.")
    headers: dict[str, str] | None = Field(default=None, description="Further HTTP headers.")
    send_as_json: Boolean = Field(default=False, description="Whether the JSON is the whole message, rather than a form's field.")

    def addresses(self) -> Mapping[str, str]:
        """The server."""
        return {"root": self.root}

    def start(self, surroundings: CallbackContext) -> RemoteMonitorCallback:
        """The callback at work."""
        return RemoteMonitorCallback(self)


class RemoteMonitorCallback(Callback):
    """Sends, and tells the first of each kind of failure."""

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, setting: RemoteMonitor) -> None:
        self.setting = setting
        self._told = ""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send the epoch's values; epochs count from 0."""
        from http.client import HTTPException  # these two take longer to import than all other callbacks together
        from urllib.request import urlopen

        try:
            with urlopen(self._request(epoch, logs or {}), timeout=_TIMEOUT):
                self._told = ""
        except (OSError, HTTPException) as error:
            self._tell(f"RemoteMonitor: {server_of(self.setting.root)} cannot be reached: {error}. Training goes on.")
        except ValueError:  # whose text holds the header, which may be a secret
            self._tell("RemoteMonitor: the address or a header holds what HTTP cannot carry. Training goes on.")

    def _request(self, epoch: int, logs: Logs) -> Request:
        from urllib.request import Request

        text = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in logs.items()}}, allow_nan=False)
        if self.setting.send_as_json:
            body, kind = text, "application/json"
        else:
            body, kind = urllib.parse.urlencode({self.setting.field: text}), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.setting.headers or {})}
        return Request(self.setting.root + self.setting.path, body.encode(), headers, method="POST")

    def _tell(self, text: str) -> None:
        if text != self._told:
            self.run.say(f"warning: {text}")
        self._told = text


def server_of(root: str) -> str:
    """The server's name and port; path, user and password of an address may be secrets."""
    parts = urllib.parse.urlsplit(root)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _plain(value: Any) -> float | None:
    """A number; None, JSON's null, for what is none or not finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
