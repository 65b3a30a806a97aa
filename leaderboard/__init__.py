"""Submission -> check -> score -> store -> pages. Takes embeddings, never code."""
