"""The way from files to batches: sources, splits, order, workers.

Samples by index are a `Dataset` (`dataset`, `memory`, `cache`), held as `arrays` and `targets`, with class labels and
weights; `order` and `batch_transforms` make a `Batch` of them, `remote`, `files` and `found_data` find what is on disk.
Folders: `sources`, `formats`, `images`, `splits`, `loading`, `workers`, `user_code`. `engines`, `image_data_generator`,
`callbacks`, `training`, `report`, `config`, `model`, `experiment`, `scaffold` and `cli` may enter. It knows `augmentation`
and `nn`, but no engine, no callback, no run and no experiment file.
"""
