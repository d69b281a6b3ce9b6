"""Many runs at once: finding them below a folder, their summaries, their order, and removing those that are not wanted.

`find` walks folders, `summary` reads what a list shows of a run, `curve` a few values of its course, `order` sorts and chooses,
`prune` removes. `experiment` and `cli` may enter. Nothing here opens a checkpoint or an experiment, so that thousands of runs
are listed at once.
"""
