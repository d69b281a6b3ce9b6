"""The experiment file: YAML with places, layers of files and options, descriptions, and errors that say where and what to do.

`experiment_file` loads a file into `experiment` (the whole) and `sections` (its parts), `checks`, `augmentation_checks` and
`per_output` hold sections against each other, and `reference` writes the reference page; the text itself is read in `yaml`.
`experiment`, `scaffold` and `cli` may enter. It knows descriptions of data, layers, callbacks and engines, but opens no data
and builds no network.
"""
