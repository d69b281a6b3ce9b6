"""Tables in files that know the types of their cells: Parquet, Excel and JSON lines, and tables in memory.

`typed_table` is what each of them becomes, and finds the reader by the file's name; `parquet`, `excel` and `json_lines` read.
Only `data/formats/csv_table.py` and the sources enter, for which a table is a table.
"""
