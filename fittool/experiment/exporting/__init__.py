"""Runs on their way to other tools: `network` reads a run as `exchange` takes it, `export` writes the files.

`samples` makes what a file proves itself with.
"""
