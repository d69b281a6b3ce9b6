"""Training: one loop over steps, the callbacks around it, the history, the progress display, and what a run records of it."""
