"""Embeddings of a data set's windows, and by video."""

from benchmark.network import embed_windows
from benchmark.running import by_video

__all__ = ["by_video", "embed_windows"]
