"""The primitives of the NumPy engine: each lists the NumPy calls of its forward and its backward half.

Each file has one family (`convolution`, `dense`, `pooling`, `recurrent` …); `base` says what an operation is. Only the
engine's own files enter, and its table `layers` decides which operations a layer becomes. An operation knows the arrays of
one batch size, and neither the rest of the network nor the loss.
"""
