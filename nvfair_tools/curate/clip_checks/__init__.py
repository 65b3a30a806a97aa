"""Optional checks of a clip, beyond those that every clip must pass."""
