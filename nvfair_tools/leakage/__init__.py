"""The leakage audit: what in a finished data set gives a label away, or would be on both sides of a comparison."""
