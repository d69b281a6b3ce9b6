"""The meaning of a trained network's outputs: probabilities, classes, labels or numbers.

`decoding` makes answers of outputs, `truth` the right ones of targets in the same form. The files that predict and evaluate
enter. Nothing here knows an engine, a file or how answers are written.
"""
