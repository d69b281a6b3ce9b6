"""Models and weights of other tools: how they come in.

Nothing that a file holds is ever run: pickles go through PyTorch's reader for weights alone, Keras's files are read as data.
"""
