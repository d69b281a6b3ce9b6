"""File formats read without trust: CSV, NumPy's arrays, tar shards, numbers and names in text.

Tables live in `csv_form`, `csv_table`, `columns`, `table_*`, `reading` and `tags`; numbers in text in `number_forms` and
`number_parsing`; arrays in `npy_format` and `memory_mapped`; tar files in `shard_index`; many names in `string_table`. The
rest of `data` and the image generators enter, and `experiment` and `scaffold`, which tell what was found. Nothing here
decodes an image or knows what a source is called.
"""
