"""What a network is, without any arithmetic: layers, graphs, and the settings of losses, metrics, optimizers, schedules."""
