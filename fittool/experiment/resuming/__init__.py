"""The continuation of a run: its state, changed settings, replays.

`resume` goes on, with the state that `resume_state` reads; `changes` and `accepted_changes` deal with edited settings,
`replay` trains steps again to compare, `next_command` says what a user will want to type. The files of `experiment` and `cli`
enter. The trainer and its loop are not here: a resumed run is a `Session` like any other.
"""
