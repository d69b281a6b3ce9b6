"""Experiments to start from: templates, and what `fittool init` writes for somebody's data.

`templates` are the ready ones; `data_survey` looks at data, with `table_survey`, `image_survey` and `array_survey`, and
writes down a `survey`; `task` and `label_choice` choose, `scaffold` writes the text, `new_experiment` checks it first. Only
`cli` may enter. It opens data through the sources alone, and trains nothing.
"""
