"""Settings that are right each on its own and make no sense together, found once data and network are known.

Each file looks at one thing: `inputs`, `last_layers`, `metrics`, `sample_weights`, `scaling`, `targets`; `findings` is their
form, `all_checks` runs them. Only `experiment` enters, through `building`. A check takes facts and gives findings; it opens no
data and trains nothing.
"""
