"""Networks on their way to other tools, ONNX, Keras, PyTorch; and, in `incoming`, on their way from them.

Nothing here opens a run: `experiment` reads it and hands over a `TrainedNetwork`.
"""
