"""Sentences for mistakes in an experiment file, with the mend."""
