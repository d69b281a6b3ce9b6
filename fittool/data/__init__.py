"""Where batches come from: sources, splits, order, workers."""
