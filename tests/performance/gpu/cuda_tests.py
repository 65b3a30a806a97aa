"""The suite's tests that need a GPU, by pytest in this very process; without one each says that it was skipped.

A line for each as it ends, so that a limit takes away only what has not run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.performance.gpu.device import on_card
from tests.performance.gpu.part import say
from tests.performance.gpu.sizes import Sizes

ROOT = Path(__file__).resolve().parents[3]
FILES = (
    "tests/test_device_waits.py",
    "tests/generators/test_device.py",
    "tests/benchmark/training/test_device_waits.py",
    "tests/benchmark/windows/test_device_frames.py",
    "tests/benchmark/methods/test_inputs.py",
    "tests/benchmark/training/test_loop.py",
    "tests/generators/test_replay.py",
    "tests/generators/test_device_waits.py",
)


class _Reporter:
    """Says how each test ended."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest after a test's set-up, its run and its tearing down."""
        taken = self.seconds.pop(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = taken
        if report.when == "call" or (report.outcome != "passed" and report.when == "setup"):
            facts = {"test": report.nodeid, "state": report.outcome, "seconds": round(taken, 2)}
            if report.outcome == "failed":
                facts["error"] = report.longreprtext[-900:]
            self.states.append(report.outcome)
            say({"part": "tests", "measured": "test", **facts})

    def pytest_collectreport(self, report: Any) -> None:
        """Called by pytest after a file was read."""
        if report.outcome == "failed":
            self.states.append("failed")
            error = report.longreprtext[-900:]
            say({"part": "tests", "measured": "test", "test": report.nodeid, "state": "failed", "error": error})


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """One line at the end: how many passed, failed and were skipped."""
    if importlib.util.find_spec("pytest") is None:
        yield {"measured": "tests", "state": "failed" if on_card(device) else "not run", "reason": "no pytest here"}
        return
    import pytest

    reporter = _Reporter()
    os.chdir(ROOT)
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main(["-m", "gpu", "-q", "-s", "-p", "no:cacheprovider", *FILES], plugins=[reporter])
    counts = {state: reporter.states.count(state) for state in ("passed", "skipped", "failed")}
    # On a card a test that skips is a test that did not look.
    good = not counts["failed"] and bool(reporter.states) and (counts["passed"] > 0 or not on_card(device))
    yield {"measured": "tests", **counts, "exit": int(code), "state": "passed" if good else "failed"}
