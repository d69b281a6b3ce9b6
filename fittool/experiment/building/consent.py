"""Consent to what the experiment of a run does outside of the run: the user gives it by naming the experiment's file.

A run directory may come from anybody. Its own `experiment.yaml` is read as text of a stranger: it may describe data and a
network, but not run code, write or send anywhere, nor take anything from the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fittool.config.experiment_file import CONSENT, LoadedExperiment, load_experiment, load_experiment_of_run
from fittool.config.yaml.file_references import code_named_in, remote_paths
from fittool.errors import CheckpointError, KeyPath, path_text, visible
from fittool.runs.directory import RunDirectory
from fittool.runs.paths import leaves


def experiment_to_train(run: RunDirectory, named: Path | None, overrides: Sequence[str] = ()) -> LoadedExperiment:
    """The experiment of a run that is to be trained on or again.

    Args:
        run: The run.
        named: The experiment file that the user names as consent; None: the run's own.
        overrides: As in `load_experiment`.

    Raises:
        CheckpointError: The run's own names code, or reaches outside of the run.
    """
    if named is not None:
        return load_experiment(named, overrides)
    loaded = load_experiment_of_run(run.paths.experiment, overrides, with_silent_callbacks=True)
    _refuse_code(loaded, run.path)
    for keys, text in (*_paths(loaded, run), *_addresses(loaded)):
        raise _refusal(text, keys, run.path)
    refuse_remote_data(loaded, run.path)
    return loaded


def experiment_to_read(run: RunDirectory, named: Path | None, overrides: Sequence[str] = ()) -> LoadedExperiment:
    """The experiment of a run of which only data and network are used; callbacks that only write are not in it.

    Args:
        run: The run.
        named: The experiment file that the user names as consent; None: the run's own.
        overrides: As in `load_experiment`.

    Raises:
        CheckpointError: The run's own names code, or takes something from the environment.
    """
    if named is not None:
        return load_experiment(named, overrides)
    loaded = load_experiment_of_run(run.paths.experiment, overrides, with_silent_callbacks=False)
    _refuse_code(loaded, run.path)
    return loaded


def refuse_remote_data(loaded: LoadedExperiment, path: Path) -> None:
    """Refuse to ask servers for data because a run's experiment says so.

    Raises:
        CheckpointError: The experiment names the address of data.
    """
    for keys, text in remote_paths(loaded.resolved["data"]):
        raise _refusal(f"reads data from {visible(text)}", keys, path)


def _refuse_code(loaded: LoadedExperiment, path: Path) -> None:
    for keys, code in code_named_in(loaded.experiment):
        raise _refusal(f"names Python code, {visible(code)}", keys, path)


def _paths(loaded: LoadedExperiment, run: RunDirectory) -> Iterator[tuple[KeyPath, str]]:
    for path, callback in loaded.experiment.all_callbacks():
        for argument, file in callback.files().items():
            if leaves(run.paths.root, file):
                yield (*path, callback.public_name(), argument), f"writes outside of the run, to {visible(file)}"


def _addresses(loaded: LoadedExperiment) -> Iterator[tuple[KeyPath, str]]:
    for path, callback in loaded.experiment.all_callbacks():
        for argument, address in callback.addresses().items():
            yield (*path, callback.public_name(), argument), f"sends to {visible(address)}"
    if (notify := loaded.experiment.notify) is not None:
        yield ("notify", "url"), f"sends to {visible(notify.url)}"


def _refusal(text: str, keys: KeyPath, path: Path) -> CheckpointError:
    return CheckpointError(f"The run's experiment {text} as {path_text(keys)}. {CONSENT}", place=str(path))
