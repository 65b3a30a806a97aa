"""Stress: how a method's figures and error rates change as tracks, videos, drivers or impostors get worse."""

from benchmark.stress.plan import StressPlan
from benchmark.stress.rate_plan import ALL_TESTS, RatePlan
from benchmark.stress.rate_tests import run_rate_tests
from benchmark.stress.rates import TESTS, StressRate
from benchmark.stress.sweeps import DESCRIPTIONS, run_sweeps

__all__ = [
    "ALL_TESTS",
    "DESCRIPTIONS",
    "TESTS",
    "RatePlan",
    "StressPlan",
    "StressRate",
    "run_rate_tests",
    "run_sweeps",
]  # fmt: skip
