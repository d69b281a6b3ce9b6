"""What the outputs of a trained network say: probabilities, classes, labels or numbers."""
