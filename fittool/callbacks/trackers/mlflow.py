"""MLflow: what was set, the values of each epoch and the end of a training, in MLflow's store. Needs the extra `mlflow`."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.trackers.sender import PATIENCE
from fittool.callbacks.trackers.tracker import TrackerCallback
from fittool.errors import MachineError
from fittool.settings import Boolean, Field, Text, setting

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

_OF_A_RUN = "fittool.run"
"""The tag by which a training that goes on finds its run again."""
_PASSING = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED")
_ENDS = {"completed": "FINISHED", "stopped": "FINISHED", "interrupted": "KILLED"}
_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""A server that does not answer is asked again later; MLflow by itself would wait for minutes."""
_NOT_A_NAME = re.compile(r"[^\w\-. :/]")
_MOST_LETTERS, _MOST_AT_ONCE = 250, 100
_PATIENCE_WITH_A_STORE = 300.0


@setting
class MLflow(CallbackSetting):
    """Logs parameters and the values of each epoch to MLflow; a training that goes on goes on in the same run of MLflow."""

    writes_only: ClassVar[bool] = True
    publishes: ClassVar[bool] = True

    tracking_uri: Text | None = Field(
        default=None,
        min_length=1,
        description="Address of the server, or a store such as sqlite:///mlflow.db; by default that of MLFLOW_TRACKING_URI, else "
        "MLflow's own.",
    )
    experiment_name: Text | None = Field(
        default=None,
        min_length=1,
        description="MLflow's experiment; by default the name of this one. It is made where it is missing.",
    )
    run_name: Text | None = Field(
        default=None, min_length=1, description="What MLflow calls the run; by default as fittool does."
    )
    tags: dict[Text, Text] = Field(default_factory=dict, description="Further tags of the run.")
    log_params: Boolean = Field(default=True, description="Whether the settings of the experiment are logged as parameters.")

    def addresses(self) -> Mapping[str, str]:
        """The server, where the file names one."""
        uri = self.tracking_uri
        is_address = uri is not None and urlsplit(uri).scheme not in ("", "file", "sqlite")
        return {"tracking_uri": uri} if is_address and uri is not None else {}

    def files(self) -> Mapping[str, str]:
        """The store, where the file names one on this machine."""
        if self.tracking_uri is None or self.addresses():
            return {}
        parts = urlsplit(self.tracking_uri)
        path = self.tracking_uri if not parts.scheme else parts.path.removeprefix("/") if parts.scheme == "sqlite" else parts.path
        return {"tracking_uri": os.path.abspath(path)}

    def start(self, surroundings: CallbackContext) -> Callback:
        """The callback at work.

        Raises:
            MachineError: The extra is missing.
        """
        if importlib.util.find_spec("mlflow") is None:
            raise MachineError("MLflow needs mlflow. Install the extra with: pip install 'fittool[mlflow]'")
        return TrackerCallback("MLflow", MLflowRun(self, surroundings), self._patience())

    def _patience(self) -> float:
        """How long the end waits: a store on this machine is at work, and to leave it while it is made would damage it."""
        uri = self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or ""
        return _PATIENCE_WITH_A_STORE if urlsplit(uri).scheme in ("", "file", "sqlite") else PATIENCE


class MLflowRun:
    """One run in MLflow's store.

    Args:
        setting: Where, and what.
        surroundings: The training that it is about.
    """

    def __init__(self, setting: MLflow, surroundings: CallbackContext) -> None:
        self._setting, self._about = setting, surroundings
        self._client: MlflowClient | None = None
        self._id = ""

    def begin(self) -> None:
        """Find the run of the same training, or make one; log what was set."""
        client = self._connect()
        found = self._run(client)
        self._id = found.info.run_id
        if found.info.status != "RUNNING":
            client.update_run(self._id, status="RUNNING")
        if self._setting.log_params:
            self._log_params(client, found.data.params)

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Log an epoch; values that are not finite are logged as they are, as MLflow can show them."""
        from mlflow.entities import Metric

        client, now = self._connected(), int(time.time() * 1000)
        metrics = [Metric(_name(name), float(value), now, number) for name, value in values.items()]
        client.log_batch(self._id, metrics=metrics)

    def end(self, reason: str) -> None:
        """Say how it ended."""
        self._connected().set_terminated(self._id, status=_ENDS.get(reason, "FAILED"))

    def may_pass(self, error: BaseException) -> bool:
        """True for a server that cannot be reached, or has trouble."""
        return isinstance(error, OSError) or getattr(error, "error_code", "") in _PASSING

    def close(self) -> None:
        """Nothing is held."""

    def _connect(self) -> MlflowClient:
        """The client; importing MLflow takes seconds, which is why it is done here and not before the training."""
        for name, value in _LIMITS.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._client = MlflowClient(tracking_uri=self._setting.tracking_uri)
        return self._client

    def _connected(self) -> MlflowClient:
        if self._client is None or not self._id:
            raise RuntimeError("There is no run to log to.")
        return self._client

    def _run(self, client: MlflowClient) -> Run:
        name = self._setting.experiment_name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or self._about.name or "Default"
        known = client.get_experiment_by_name(name)
        experiment = client.create_experiment(name) if known is None else known.experiment_id
        if self._about.run:
            asked = f"tags.`{_OF_A_RUN}` = '{self._about.run}'"
            if found := client.search_runs([experiment], filter_string=asked, max_results=1):
                return found[0]
        own = {_OF_A_RUN: self._about.run} if self._about.run else {}
        called = self._setting.run_name or self._about.run or None
        return client.create_run(experiment, run_name=called, tags={**self._setting.tags, **own})

    def _log_params(self, client: MlflowClient, known: Mapping[str, str]) -> None:
        """Log the settings. MLflow refuses another value for one that it has; a setting that was changed becomes a tag."""
        from mlflow.entities import Param, RunTag

        wanted = {_name(name): _text(value) for name, value in self._about.settings().items()}
        new = [Param(name, text) for name, text in wanted.items() if name not in known]
        changed = [RunTag(f"changed.{name}", text) for name, text in wanted.items() if known.get(name, text) != text]
        for first in range(0, len(new), _MOST_AT_ONCE):
            client.log_batch(self._id, params=new[first : first + _MOST_AT_ONCE])
        if changed:
            client.log_batch(self._id, tags=changed[:_MOST_AT_ONCE])


def _name(name: str) -> str:
    """A name that MLflow takes."""
    return _NOT_A_NAME.sub("_", name)[:_MOST_LETTERS] or "_"


def _text(value: Any) -> str:
    return ("" if value is None else str(value).lower() if isinstance(value, bool) else str(value))[:500]
