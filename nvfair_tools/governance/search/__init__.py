"""Searching folders, byte by byte and decoded, for anything that names a person."""
