"""Commands about a finished data set."""
