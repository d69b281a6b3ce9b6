"""Searches for the best settings: many runs of one experiment, by `fittool sweep`.

`sweep` opens one: a `strategy` chooses values in its `space` (grid and random search; `optuna_search` for TPE), `running` has
`workers` train them, each in a process that `worker` is, and `record` is written before and after each trial; `results` is what
comes of all. A trial is an ordinary run. `cli` enters. It knows `experiment` and what stands below it.
"""
