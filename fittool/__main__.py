"""`python -m fittool` is the same as `fittool`."""

from fittool.cli import main

if __name__ == "__main__":
    main()
