"""The suite's tests that need a GPU, by pytest in this very environment; without one each says that it was skipped."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.performance.gpu.device import on_card
from tests.performance.gpu.sizes import Sizes

ROOT = Path(__file__).resolve().parents[3]
FILES = (
    "tests/test_device_waits.py",
    "tests/generators/test_device_waits.py",
    "tests/generators/test_device.py",
    "tests/benchmark/training/test_device_waits.py",
    "tests/benchmark/windows/test_device_frames.py",
    "tests/benchmark/methods/test_inputs.py",
    "tests/benchmark/training/test_loop.py",
)


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """One line: how many passed, failed and were skipped, and of those that failed which and why."""
    if importlib.util.find_spec("pytest") is None:
        yield {"measured": "tests", "state": "failed" if on_card(device) else "not run", "reason": "no pytest here"}
        return
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "gpu",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            *FILES,
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if not report.exists():
            tail = (done.stdout + done.stderr)[-1500:]
            yield {"measured": "tests", "state": "failed", "error": f"pytest ended with {done.returncode}: {tail}"}
            return
        cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    failures = [
        {
            "test": f"{case.get('classname')}::{case.get('name')}",
            "error": (fault.text or "")[-600:],
        }
        for case in cases
        for fault in (*case.findall("failure"), *case.findall("error"))
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    passed = len(cases) - skipped - len(failures)
    # On a card a test that skips is a test that did not look.
    good = not failures and bool(cases) and (passed > 0 or not on_card(device))
    yield {
        "measured": "tests",
        "passed": passed,
        "skipped": skipped,
        "failed": len(failures),
        "failures": failures,
        "state": "passed" if good else "failed",
    }
