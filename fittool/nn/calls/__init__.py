"""Networks that are written as calls of layers: `Dense(4)(x)`."""
