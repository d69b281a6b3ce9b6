"""What came of runs: comparing several, and the figures of one that `evaluate` keeps.

`comparison` holds runs side by side. `experiment` beside it and `cli` may enter; what is computed of arrays alone stands in
`fittool/results`.
"""
