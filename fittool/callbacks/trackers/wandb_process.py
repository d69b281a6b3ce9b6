"""The process in which Weights & Biases is at work: one JSON object a line comes in, one goes out for each.

A process of its own, as W&B waits for its server when Python ends, for as long as that takes.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from typing import Any

_SECONDS = 20


def main() -> None:
    """Do what the lines ask for, until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what W&B prints is no answer
    run: Any = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            run = _ACTIONS[asked.pop("do")](run, **asked)
            answer = {}
        except BaseException as error:  # SystemExit too; whoever asked is told
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def _begin(run: Any, mode: str, config: dict[str, Any], **arguments: Any) -> Any:
    import wandb

    settings = wandb.Settings(silent=True, init_timeout=_SECONDS, login_timeout=_SECONDS, console="off", disable_git=True)
    chosen = "offline" if mode == "online" and not _has_key(wandb) else mode  # W&B would ask for a key otherwise
    opened = wandb.init(mode=chosen, allow_val_change=True, settings=settings, **arguments)
    opened.config.update(config, allow_val_change=True)  # a training that goes on may have other settings
    return opened


def _epoch(run: Any, number: int, values: dict[str, float]) -> Any:
    run.log(values, step=number)
    return run


def _end(run: Any, reason: str, exit_code: int) -> Any:
    run.summary["reason"] = reason
    run.finish(exit_code=exit_code)
    return run


def _has_key(wandb: Any) -> bool:
    """True where W&B knows a key; releases that cannot be asked for it without a prompt are asked for the key itself."""
    if "prompt" in inspect.signature(wandb.login).parameters:
        return bool(wandb.login(prompt=False, verify=False))
    return bool(wandb.api.api_key)


_ACTIONS: dict[str, Callable[..., Any]] = {"begin": _begin, "epoch": _epoch, "end": _end}

if __name__ == "__main__":
    main()
    os._exit(0)  # whatever W&B still waits for
