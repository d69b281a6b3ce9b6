"""Tables: the columns that a network learns from, and how their cells become its features.

`column_kinds` has the settings, `inference` the rules by which a column gets its kind; `number_columns`, `category_columns`,
`date_columns` and `text_columns` hold what the training part fixes of each kind. `encoder` holds all columns and makes the matrix
(samples, features), whose layout is `fittool.nn.table_layout`. `unencoded` is a table before its split, which is what the fit
has to wait for; `told` writes the table of columns for people. Sources and `experiment` enter; nothing here reads a file.
"""
