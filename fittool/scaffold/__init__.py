"""Experiments to start from: templates, and what `fittool init` writes for somebody's data."""
