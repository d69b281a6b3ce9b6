"""Training: one loop over steps, the callbacks around it, the history, the progress display, and what a run records of it.

`trainer` is the loop, of `epoch` and `steps`, `evaluation` the walk without learning; `plan`, `stages` and `stage_schedule`
say how long and in which parts, `signals` when to stop, `history`, `best_epoch` and `outcome` what came of it. `monitoring`
watches, `display` shows, `recording` writes. `report`, `model`, `experiment` and `cli` may enter. It takes loaders and an
engine, and imports no model and no experiment.
"""
