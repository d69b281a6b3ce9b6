"""Descriptions of networks: layers, graphs, and the settings of losses, metrics, optimizers, schedules.

`graph`, `shapes` and `presets` describe networks, `layers` and `calls` what they are made of, `losses`, `metrics`,
`objectives`, `targets` what is asked of them. `data`, `engines`, `callbacks`, `training`, `config`, `model`, `experiment`,
`scaffold` and `cli` may enter; it knows `settings` and the single files below it, and no data, engine or file.

Nothing is trained here, and no array of a network is held. The little arithmetic there is must be the same in every engine:
starting weights (`initializers`), rates (`schedules`), the values of running sums (`accumulators`), probabilities
(`activations`).
"""
