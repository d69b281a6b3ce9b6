"""Wires an experiment to a run: the only place that knows all the parts.

`data` opens what is trained on, `network` makes the network fit it, `prepare` brings both together, and the other modules
do what a command asks: train, check, evaluate, predict, preview.
"""
