"""Descriptions of networks: layers, graphs, and the settings of losses, metrics, optimizers, schedules.

Nothing is trained here, and no array of a network is held. The little arithmetic there is must be the same in every engine:
starting weights (`initializers`), rates (`schedules`), the values of running sums (`accumulators`), probabilities
(`activations`).
"""
