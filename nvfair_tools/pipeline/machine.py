"""This machine in words, and where measurements of it are kept."""

from __future__ import annotations

import platform
from pathlib import Path

from nvfair_tools.pipeline.engines.local import default_workers

MEASUREMENTS = Path("~/.cache/nvfair/probes")


def machine_text() -> str:
    """The machine in words: processor and cores."""
    return f"{_processor()}, {default_workers()} cores"


def _processor() -> str:
    """The processor's name, or at least its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
