"""The experiment file as text: YAML with a place for every value, layers of files, overrides, and writing it again.

`text_file` and `reader` read, `source_map` remembers places, `inheritance` lays files and options over each other,
`short_forms`, `environment_variables` and `file_references` write values out, `writer` writes them again. The files of
`config` enter first of all; of `experiment`, `scaffold` and `cli` whoever needs a place or writes YAML. No section of an
experiment is known here, but its callbacks are, for the code that they name.
"""
