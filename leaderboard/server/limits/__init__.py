"""Bounds of what one caller may hold at a time: connections, uploads, the disk."""
