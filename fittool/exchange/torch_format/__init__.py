"""Networks for PyTorch: a state dict as safetensors, and the source of a plain module that loads it; written without PyTorch."""
