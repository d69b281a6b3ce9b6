"""Aids around a training: a rate to begin with, whether a network can learn at all, where the time and the memory go.

`cli` enters at `rate_test` and `overfit`, `session` at the callbacks and the profile; `few_batches` and `training_length` are
what `building` makes of settings that are about these. Nothing here prints.
"""
