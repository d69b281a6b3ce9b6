"""The display of a training on the terminal: lines, live line, formatting of numbers.

`progress` is the interface, `choose` picks the one for a stream, `live_progress` needs rich, `terminal` is a stream that may
fail, and `formatting` words numbers. `training`, `report`, `model`, `experiment` and `cli` may enter. The trainer and whoever
walks over data show themselves through a `Progress`; nothing here knows an engine.
"""
