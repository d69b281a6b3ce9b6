"""Every byte that a run writes, and reading it back: directory, checkpoints, logs, lock. Knows no trainer and no engine.

`directory` and `paths` are the run, `checkpoint` and `checkpoint_store` its states, `kept_weights` those that callbacks keep,
`metrics_log`, `status` and `environment` its records, `format` their number, `verify` looks at all; `files` has the safe ways
to write. `callbacks`, `training`, `report`, `model`, `experiment`, `scaffold` and `cli` may enter.
"""
