"""Going on with a run: its state, changed settings, replays."""
