"""Networks as Keras's `.keras` files, written without Keras: `model` makes the file, `layers` has the table of layers."""
