"""Tables within an experiment: `columns` has what is said of columns and makes features of them, `kept_columns` what a run kept.

The other parts of `experiment` enter.
"""
