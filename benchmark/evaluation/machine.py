"""Hardware and versions that figures were computed with, for the report."""

from __future__ import annotations

import platform
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmark.trial_scores.json_values import FlatValue

_PACKAGES = ("nvfair-tools", "torch", "numpy", "pandas", "pyarrow", "scipy")


@dataclass(frozen=True)
class Machine(FlatValue):
    """The machine and the software of an evaluation.

    python: its version. device: name of the GPU, or "cpu". versions: package -> version. peak_memory_gb: the most
    memory that the process has held. seconds: the time that the evaluation took.
    """

    python: str
    system: str
    processor: str
    threads: int
    device: str
    versions: Mapping[str, str]
    peak_memory_gb: float
    seconds: float


def describe_machine(device: str, seconds: float) -> Machine:
    """This machine; device: the torch device that methods ran on. seconds: the time that the evaluation took."""
    import torch

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    gpu = torch.cuda.get_device_name(0) if device.startswith("cuda") and torch.cuda.is_available() else None
    # The kernel counts in kilobytes, macOS in bytes.
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if platform.system() == "Darwin" else 1)
    return Machine(
        python=platform.python_version(),
        system=platform.platform(),
        processor=_processor_name(),
        threads=torch.get_num_threads(),
        device=gpu or device,
        versions=versions,
        peak_memory_gb=round(kilobytes / 1e6, 2),
        seconds=seconds,
    )


def _processor_name() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
