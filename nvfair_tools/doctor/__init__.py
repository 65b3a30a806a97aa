"""Looks a machine over: whether the installation has all it needs, and what to do where it has not."""

from __future__ import annotations

from nvfair_tools.doctor.examination import examine
from nvfair_tools.doctor.finding import MachineFinding

__all__ = ["MachineFinding", "examine"]
