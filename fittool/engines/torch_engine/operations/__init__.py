"""Families of layers whose calls need more than a line: convolutions, poolings and normalizations, with Keras's formulas.

The engine's table of layers enters; nothing here knows layers in their graph, losses or optimizers.
"""
