"""From samples to batches: loaders by absolute step, and the threads that prepare batches ahead."""
