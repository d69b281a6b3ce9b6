"""From samples to batches: loaders by absolute step, and the threads that prepare batches ahead.

`batch_loader` has the loaders of datasets, `generator_loader` that of user code, `prefetch` the work ahead, and
`good_samples` leaves out damaged ones. The rest of `data` enters, and `model`, `experiment` and `training` to walk over data.
A loader is asked for the batches from a step on; epochs, callbacks and engines are not known here.
"""

FOREVER = float("inf")
"""The limit of time that is none."""
