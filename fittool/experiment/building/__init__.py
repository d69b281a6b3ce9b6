"""From a checked experiment to data, network, transforms, stages and callbacks."""
