"""From a training to its run directory: snapshots, the recorder, weights that callbacks keep."""
