"""Tables in files that know the types of their cells: Parquet, Excel and JSON lines, and tables in memory.

`typed_table` is what each of them becomes. `readers` finds the reader by the file's name: `parquet`, `excel` or `json_lines`;
`frames` reads tables in memory. The sources enter, for which a table is a table; `loaded_table` is the table for users in Python.
"""
