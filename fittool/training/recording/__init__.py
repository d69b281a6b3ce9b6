"""From a training to its run directory: snapshots, the recorder, weights that callbacks keep.

`recorder` is the trainer's side, which also does without a run, `run_recorder` writes rows, checkpoints, status and log into
one. The trainer, `model` and `experiment` enter. It knows `runs` and what a snapshot is, and neither the engine's arrays nor
the loop.
"""
