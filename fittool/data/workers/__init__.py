"""Worker processes that make batches: the pool, both ends of a worker, shared memory.

`process_pool` hands jobs out in order, `worker_process` is the parent's end and `worker_main` the other, `shared_memory`
carries arrays across, `main_module` runs a program's main file again, `worker_output` keeps what workers print off the
terminal. Loaders and datasets enter, and `experiment` for the output. A worker knows jobs and results, and nothing of
samples, engines or runs.
"""
