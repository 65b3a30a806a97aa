"""The commands that curators use: check, build and its stages, import, simulate, weights."""
