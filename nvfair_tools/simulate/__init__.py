"""Simulated people: motion signatures, source videos and landmark-only cohorts."""
