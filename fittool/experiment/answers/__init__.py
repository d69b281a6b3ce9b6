"""The meaning of a trained network's outputs: probabilities, classes, labels or numbers.

`decoding` makes answers of outputs, `decisions` reads them as was chosen for the run (thresholds, a temperature), `truth` gives
the right ones of targets in the same form, `predictions` rows and files of both. The files that predict and evaluate enter.
Nothing here knows an engine.
"""
