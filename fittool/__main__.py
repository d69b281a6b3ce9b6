"""The program: `fittool`, and `python -m fittool`."""

import signal


def main() -> None:
    """Run a command and leave with its exit code."""
    # The imports below take a moment, in which Ctrl-C would show where Python stands; there is nothing to tidy up yet.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fittool.cli import main as run

    run()


if __name__ == "__main__":
    main()
