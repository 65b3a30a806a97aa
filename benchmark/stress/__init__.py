"""Stress sweeps: what is left of a figure when landmarks, frames, videos or people get worse."""

from benchmark.stress.plan import StressPlan
from benchmark.stress.sweeps import ABOUT, sweeps

__all__ = ["ABOUT", "StressPlan", "sweeps"]
