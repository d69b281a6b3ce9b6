"""The engines, which execute steps: they know networks and optimizers, but no epochs, callbacks or files.

The files of this folder hold for every engine: the contract (`base`), the order of a training step and its numbers
(`training_steps`), targets and weights of a batch (`target_arrays`), the rules for states (`state`), the record of numerics
(`numerics_monitor`), the settings (`settings`) and who makes an engine (`registry`). `callbacks`, `training`, `config`,
`model`, `experiment` and `cli` may enter here. What a network, a loss, a metric or an optimizer is stands in `fittool.nn`.
Each engine has a folder of its own, which only the registry enters.
"""
