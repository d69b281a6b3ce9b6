"""Functions and batches from the user's own Python files.

`functions` loads them by path and tells their failures with file and line, `generator_data` checks batches that a function
makes, and `batch_function` gives one batch by its number. The rest of `data`, `callbacks`, `training`, `model` and
`experiment` enter. Whether the user consents to run the code is not known here: `experiment` asks for that first.
"""
