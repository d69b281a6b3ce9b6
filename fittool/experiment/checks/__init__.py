"""What an experiment tells of settings that make no sense together (`fittool/model/checks`), each at its place in the file."""
