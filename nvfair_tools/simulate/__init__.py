"""Simulated people: motion signatures, source videos, and cohorts that consist of landmarks alone."""
