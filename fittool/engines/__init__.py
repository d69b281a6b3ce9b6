"""What executes steps. Engines know networks and optimizers; they know no epochs, callbacks or files."""
