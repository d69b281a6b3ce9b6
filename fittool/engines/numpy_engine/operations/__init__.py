"""The primitives of the NumPy engine: each lists the NumPy calls of its forward and its backward half."""
