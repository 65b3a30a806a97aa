"""Checks of rendered videos, before their frames are stored."""
