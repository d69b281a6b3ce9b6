"""The report of a run: what it shows, gathered from the run's files and from measuring it, at its end or later.

`report` gathers it of `past` (what the run's files say), `mistakes`, `importance` and `seen` (the samples); `written` writes it,
`ending` does so at the end of a training. How it looks is `fittool.report.pages`.
"""
