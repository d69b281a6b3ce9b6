"""The display of a training on the terminal: lines, live line, formatting of numbers.

The trainer and whoever walks over data show themselves through a `Progress`; nothing here knows an engine.
"""
