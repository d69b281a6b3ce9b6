"""From a checked experiment to data, network, transforms, stages and callbacks.

`prepare` brings together what `data`, `network` and `transforms` make; `compatibility` and `data_warnings` say what does not
fit or is odd; `stages` and `callbacks` are for training, `consent` and `trial` for code and what is tried;
`error_location` adds a setting's place to any error. The rest of `experiment` enters, and `cli` for the display of loading.
It runs no step.
"""
