"""Settings that are right each on its own and make no sense together, found once data and network are known.

Each file looks at one thing: `inputs`, `last_layers`, `metrics`, `sample_weights`, `scaling`; `findings` is their form. A check
takes facts and gives findings; it opens no data and trains nothing. An experiment tells them at the place of each setting
(`fittool/experiment/checks`), a model in Python as warnings (`in_python`).
"""
