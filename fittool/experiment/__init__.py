"""Wires an experiment to a run: the only place that knows all the parts.

`train`, `check`, `evaluate`, `predict`, `preview` and `show` do what a command asks; `session` is an experiment at work,
`trained_run` a run that is opened again. `building` makes data and network from the file, `checks` finds what makes no sense,
`resuming` goes on with runs, `answers` reads outputs. `scaffold` and `cli` may enter. It parses no command line.
"""
