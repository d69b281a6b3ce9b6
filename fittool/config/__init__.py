"""The experiment file: YAML with places, layers of files and options, descriptions, and errors that say where and what to do."""
