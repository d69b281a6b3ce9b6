"""Networks that are written as calls of layers: `Dense(4)(x)`.

`symbolic` has the tensors that stand for what a layer will give, `wiring` turns them into the layers of a graph and back.
`model` enters, and `nn.layers`, whose layers can be called. Nothing here computes a number or knows weights.
"""
