"""Which samples are trained on and which are validated on."""
