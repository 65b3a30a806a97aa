"""From embeddings to scores of trials, and from scores to all figures of one cell."""
