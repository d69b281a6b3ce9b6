"""Files that survive kills and power cuts, and formats read without trust."""
