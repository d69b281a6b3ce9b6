"""What is told of a run when it has ended: its report, and the word to whom the experiment names.

`report` gathers the report of `past` (what the run's files say), `mistakes`, `importance` and `seen` (the samples); `written`
writes it, `ending` does so at the end of a training. How it looks is `fittool.report.pages`. `notifying` posts the summary;
`finishing` does all of it in its order.
"""
