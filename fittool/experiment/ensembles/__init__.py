"""Runs that belong together: what tells the members of an ensemble apart, and what all of them say together.

`members` has the settings of each, `statistics` the mean of their results, `predict` and `evaluate` take all of them as one.
`cli` enters. It knows the other parts of `experiment`; no one of those knows it.
"""
