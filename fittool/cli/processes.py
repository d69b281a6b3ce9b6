"""Commands that train in several processes: starting them, and being one of them."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from fittool.errors import MachineError, UsageError

if TYPE_CHECKING:
    from fittool.engines.settings import EngineSetting
    from fittool.process_group import ProcessGroup

Command = TypeVar("Command", bound=Callable[..., Any])
_MOST = 1024


def processes_options(command: Command) -> Command:
    """--devices N and --max-restarts N."""
    restarts = click.option(
        "--max-restarts",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="With --devices: start all again, at most N times, after one was killed; they go on from the last checkpoint.",
    )
    devices = click.option(
        "--devices",
        type=click.IntRange(1, _MOST),
        metavar="N",
        help="Train in N processes of this machine, each with a GPU of its own where there are any; needs engine torch. "
        "batch_size is that of all together.",
    )
    return devices(restarts(command))


@contextmanager
def group_of_this_process(devices: int | None) -> Iterator[ProcessGroup]:
    """The processes that this one trains with: those that torchrun or fittool's launcher started, or nobody.

    Args:
        devices: What --devices says.

    Raises:
        UsageError: torchrun has started the processes, and --devices asks for more.
        OtherProcessError: Another process failed; see `fittool.distributed.membership`.
    """
    from fittool.distributed.environment import rank_environment
    from fittool.process_group import ALONE

    place = rank_environment(os.environ)
    if place is None:
        yield ALONE
        return
    if devices is not None and not place.launched:
        raise UsageError("--devices starts processes, but torchrun has started them already. Leave it out.")
    _check_torch()
    if place.rank:
        _leave_stdout_to_the_leader()
    from fittool.cli.exit import show_failure
    from fittool.distributed.membership import join

    with join(place, show_failure) as group:
        yield group


def starts_processes(devices: int | None) -> bool:
    """True where this command is to start processes, and is none of them."""
    from fittool.distributed.environment import rank_environment

    return devices is not None and devices > 1 and rank_environment(os.environ) is None


def train_in_processes(
    devices: int, restarts: int, engine: EngineSetting, options_to_go_on: Callable[[Path], Sequence[str]]
) -> NoReturn:
    """Start this command once in each process, wait for all, and end as they did.

    Args:
        devices: The number of processes.
        restarts: How many times they may be started again.
        engine: The experiment's.
        options_to_go_on: The options with which the command goes on with a run directory, where it does not say so already.

    Raises:
        ExperimentError: The engine computes in one process only.
        MachineError: PyTorch is missing.
    """
    from fittool.engines.registry import check_can_share

    check_can_share(engine)
    _check_torch()
    from fittool.cli.exit import die_by, show_failure
    from fittool.distributed.launcher import Launcher

    launcher = Launcher(devices, show_failure, _advice)
    arguments = [*_interpreter_options(), *sys.argv[1:]]
    ending = launcher.run(arguments)
    for attempt in range(1, restarts + 1):
        if not ending.can_be_repeated:
            break
        click.echo(f"Starting the {devices} processes again ({attempt} of {restarts}).", err=True)
        added = [] if ending.directory is None else options_to_go_on(ending.directory)
        ending = launcher.run([*arguments, *added], attempt)
    if ending.signal_number is not None:
        die_by(ending.signal_number)
    sys.exit(ending.exit_code)


def _interpreter_options() -> list[str]:
    """The way in which Python finds this package, without looking for others in the working directory as `-m` alone does."""
    here, first = Path(__file__).parents[2], sys.path[0] if sys.path else ""
    is_found_here = not sys.flags.safe_path and Path(first or ".").resolve() == here == Path.cwd().resolve()
    return ["-m", "fittool"] if is_found_here else ["-P", "-m", "fittool"]


def _advice(directory: Path | None) -> str:
    """What a killed process leaves."""
    if directory is None:
        return "Training had not begun."
    from fittool.runs.paths import LAST, RunPaths

    if not (RunPaths(directory).checkpoints / LAST).exists():
        return f"There was no checkpoint yet in {directory}."
    return f"The last checkpoint is whole. Go on with: fittool resume {shlex.quote(str(directory))}"


def _check_torch() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MachineError("Training in several processes needs PyTorch, which is not there: pip install 'fittool[torch]'.")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # connections that end are told by fittool


def _leave_stdout_to_the_leader() -> None:
    """Results and warnings are the same in all processes, and said once; what this one fails of is told on stderr."""
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
