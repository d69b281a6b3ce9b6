"""Every byte that a run writes, and reading it back: directory, checkpoints, logs, lock. Knows no trainer and no engine."""
