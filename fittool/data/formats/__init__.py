"""File formats read without trust: CSV, NumPy's arrays, tar shards, numbers and names in text."""
