"""Stress sweeps: what is left of a figure when landmarks, frames, videos or people get worse."""

from benchmark.stress.plan import StressPlan
from benchmark.stress.sweeps import DESCRIPTIONS, run_sweeps

__all__ = ["DESCRIPTIONS", "StressPlan", "run_sweeps"]
