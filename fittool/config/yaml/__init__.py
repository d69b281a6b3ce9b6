"""The experiment file as text: YAML with a place for every value, layers of files, overrides, and writing it again."""
