"""Rendering: the only part of the curator's side that knows the generators."""
