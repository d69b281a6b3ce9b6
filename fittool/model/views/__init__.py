"""The objects that a model hands out and that answer as Keras's do: results by place and by name, layers.

`layer_view` is a layer with its weights and arguments, `results` are loss and metrics. Only `model` enters. A view reads the
network that it shows; it trains nothing and knows no data.
"""
