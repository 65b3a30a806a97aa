"""Checks of a clip beyond what every clip must pass."""
