"""Stress sweeps: how a method's figures fall as landmarks, frames, videos or impostors get worse."""

from benchmark.stress.plan import StressPlan
from benchmark.stress.sweeps import DESCRIPTIONS, run_sweeps

__all__ = ["DESCRIPTIONS", "StressPlan", "run_sweeps"]
