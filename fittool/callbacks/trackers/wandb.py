"""WandB: what was set, the values of each epoch and the end of a training, in Weights & Biases. Needs the extra `wandb`."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Literal

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.trackers.tracker import TrackerCallback
from fittool.errors import MachineError
from fittool.settings import Field, Text, setting

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]")


@setting
class WandB(CallbackSetting):
    """Logs settings and the values of each epoch to Weights & Biases; a training that goes on goes on in the same run there."""

    writes_only: ClassVar[bool] = True
    publishes: ClassVar[bool] = True

    project: Text | None = Field(
        default=None, min_length=1, description="W&B's project; by default that of WANDB_PROJECT, else the experiment's name."
    )
    entity: Text | None = Field(default=None, min_length=1, description="User or team; by default that of the W&B account.")
    name: Text | None = Field(default=None, min_length=1, description="What W&B calls the run; by default as fittool does.")
    mode: Literal["online", "offline"] | None = Field(
        default=None,
        description="offline: files in the run directory, which `wandb sync` uploads; by default that of WANDB_MODE, else online "
        "where an API key is known.",
    )
    tags: list[Text] = Field(default_factory=list, description="Tags of the run.")

    def start(self, surroundings: CallbackContext) -> Callback:
        """The callback at work.

        Raises:
            MachineError: The extra is missing.
        """
        if importlib.util.find_spec("wandb") is None:
            raise MachineError("WandB needs wandb. Install the extra with: pip install 'fittool[wandb]'")
        return TrackerCallback("WandB", WandBRun(self, surroundings))


class WandBRun:
    """One run of Weights & Biases, in a process of its own.

    Args:
        setting: Where.
        surroundings: The training that it is about.
    """

    def __init__(self, setting: WandB, surroundings: CallbackContext) -> None:
        self._setting, self._about = setting, surroundings
        self._process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        """Open the run, by fittool's identity of it, so that a training that goes on is found again."""
        setting, about = self._setting, self._about
        command = [sys.executable, "-P", "-m", "fittool.callbacks.trackers.wandb_process"]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        # In a session of its own, so that Ctrl-C reaches the training alone, which then says how it ended.
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, text=True, start_new_session=True)
        self._ask(
            "begin",
            project=setting.project or os.environ.get("WANDB_PROJECT") or about.name or None,
            entity=setting.entity,
            name=setting.name or about.run or None,
            id=_NOT_IN_AN_ID.sub("-", about.run) or None,
            resume="allow" if about.run else None,
            config={name: value for name, value in about.settings().items() if value is not None},
            tags=setting.tags or None,
            dir=str(about.directory),
            mode=setting.mode or os.environ.get("WANDB_MODE") or "online",
        )

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Log an epoch."""
        self._ask("epoch", number=number, values={name: float(value) for name, value in values.items()})

    def end(self, reason: str) -> None:
        """Say how it ended."""
        self._ask("end", reason=reason, exit_code=0 if reason in ("completed", "stopped") else 1)

    def may_pass(self, error: BaseException) -> bool:
        """False: W&B's own files keep what cannot be sent."""
        return False

    def close(self) -> None:
        """End the process; W&B's files hold what it has not sent, for `wandb sync`."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # both are pipes

    def _ask(self, action: str, **arguments: Any) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("There is no run to log to.")
        process.stdin.write(json.dumps({"do": action, **arguments}, default=str) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError("Its process has ended.")
        if error := json.loads(answer).get("error"):
            raise RuntimeError(error)
