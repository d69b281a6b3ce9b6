"""Networks as ONNX files: `model` writes one, `layers` has the table of layers, `verify` runs a file in onnxruntime."""
