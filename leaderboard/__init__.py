"""Submission -> check -> score -> store -> pages. Takes embeddings, never code."""

from nvfair_tools.moved import explain_moved_imports

explain_moved_imports()
