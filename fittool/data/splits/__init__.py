"""The division of samples into those trained on and those validated on.

`split_setting` is the setting, `partition` divides by labels, groups and a seed, `split_column` reads a column that says it,
and `validation_split` cuts off the last part. `config` enters for the setting, `model`, `experiment` and `scaffold` for the
division. No sample is loaded here; labels and groups suffice.
"""
