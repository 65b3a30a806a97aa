"""The commands that work on a finished data set."""
