"""The command line: one small module for each command, imported when the command is called.

`options` has the options that commands share, `thresholds` what `--require` asks, `exit` the exit codes and the last lines.
Commands call `experiment` or `scaffold` and print what comes back; they train nothing and compute nothing. No other part may
enter.

`fittool --help` imports click and nothing else, so it answers in a blink.
"""

from __future__ import annotations

import gc
import importlib
from typing import Any

import click

COMMANDS = {
    "train": "Train the network of an experiment file.",
    "resume": "Go on with an interrupted run, bit for bit.",
    "check": "Find everything that is wrong with experiments before training.",
    "show": "Print the fully resolved experiment as YAML.",
    "summary": "Print the network's layers, shapes and parameters.",
    "init": "Write a commented experiment file to start from.",
    "lr-find": "Find a learning rate to begin with.",
    "preview": "Write a contact sheet of original and augmented samples.",
    "sweep": "Search for the best settings: many runs of one experiment.",
    "evaluate": "Measure a finished run on data.",
    "predict": "Predict files with a finished run.",
    "threshold": "Choose where a probability becomes a yes.",
    "report": "Write one page about a run: result, curves, mistakes, network.",
    "compare": "Hold runs side by side: where their experiments differ, and their results.",
    "runs": "List all runs below a folder.",
    "save": "Ask a run at work for a checkpoint now.",
    "stop": "Ask a run at work to end after this epoch.",
    "import": "Take in a model of Keras, or weights of PyTorch, as an experiment.",
    "export": "Write a run's network for another tool.",
    "verify": "Find out whether every file of a run is whole.",
    "schema": "Print the JSON Schema of the experiment file, for editors.",
    "doctor": "Show versions, engines, threads and what is missing for which feature.",
}
"""Every command with the first line of its help; a test compares them with the commands themselves."""
_MODULES = {"import": "import_model"}
"""The modules of commands whose names are Python's own words."""


class LazyGroup(click.Group):
    """A group that imports a command's module when it is called, not to list it."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The commands, in the order of a user's day."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in COMMANDS:
            return None
        module = _MODULES.get(name, name.replace("-", "_"))
        command = getattr(importlib.import_module(f"fittool.cli.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(COMMANDS)}."
            context.fail(f"There is no command {args[0]}.{hint}")
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> Any:
        """Run the command; a closed pipe is passed on under a name of its own, as click would make exit 1 of it."""
        from fittool.cli.exit import ReaderGone

        try:
            return super().invoke(context)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from fittool.version import __version__

        click.echo(f"fittool {__version__}")
        context.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit.")
def group() -> None:
    """Train neural networks from a YAML experiment file.

    \b
    fittool init --from photos/        look at data, write experiment.yaml
    fittool train experiment.yaml      train; the last line on stdout is the run directory
    fittool predict RUN photo.png      use what was trained
    """


def main() -> None:
    """The console script: run a command and leave with its exit code."""
    # What is imported stays, so that looking through it for garbage at every 700th object only takes time from short commands.
    gc.set_threshold(100_000, 20, 20)
    from fittool.cli.exit import run_and_leave

    run_and_leave(group)
