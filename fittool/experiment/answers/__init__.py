"""The meaning of a trained network's outputs: probabilities, classes, labels or numbers."""
