"""Settings that are right each on its own and make no sense together, found once data and network are known."""
