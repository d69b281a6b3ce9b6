"""Aids around a training: a rate to begin with, whether a network can learn at all, where the time and the memory go.

`cli` enters at the function that a command or an option is about; nothing here prints.
"""
