"""Engines run a stage's items: worker processes on this machine."""
