"""Tables within an experiment: what is said of columns, and how they become features.

`columns` fits and encodes, `kept_columns` has what a run kept, and `shown_columns` writes all of it out. The other parts of
`experiment` enter.
"""
