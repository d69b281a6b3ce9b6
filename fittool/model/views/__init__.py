"""The objects that a model hands out and that answer as Keras's do: results by place and by name, layers."""
