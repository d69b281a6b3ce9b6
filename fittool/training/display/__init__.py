"""The display of a training on the terminal: lines, live line, formatting of numbers."""
