"""Files that survive kills and power cuts, and formats read without trust.

`atomic` replaces a file whole, `append_only` grows one, `lock` keeps a second process out, `json_text` and `safetensors_file`
read and write with checks, `spreadsheet_text` writes tables, `text_table` those that grow, and `storage_errors` says what the
disk would not do. Whoever may import `runs` may enter. No file of a run is known here by its name.
"""
