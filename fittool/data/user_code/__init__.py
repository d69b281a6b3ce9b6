"""Functions and batches from the user's own Python files."""
