"""Networks on their way to other tools: ONNX, Keras, PyTorch.

Nothing here opens a run: `experiment` reads it and hands over a `TrainedNetwork`.
"""
