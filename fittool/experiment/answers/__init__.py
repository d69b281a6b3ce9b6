"""The meaning of a trained network's outputs: probabilities, classes, labels or numbers.

`decoding` makes answers of outputs, `truth` the right ones of targets in the same form, `predictions` rows and files of both.
The files that predict and evaluate enter. Nothing here knows an engine.
"""
