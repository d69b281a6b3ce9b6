"""Worker processes that make batches: the pool, both ends of a worker, shared memory."""
