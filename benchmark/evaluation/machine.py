"""What a figure was computed with: hardware and versions, for the report."""

from __future__ import annotations

import platform
import resource
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("nvfair-tools", "torch", "numpy", "pandas", "pyarrow", "scipy")


def machine(device: str) -> dict[str, Any]:
    """Python, system, processor, device, versions, and the most memory this process has held, in GB."""
    import torch

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    gpu = torch.cuda.get_device_name(0) if device.startswith("cuda") and torch.cuda.is_available() else None
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if platform.system() == "Darwin" else 1)
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "device": gpu or device,
        "versions": versions,
        "peak_memory_gb": round(kilobytes / 1e6, 2),
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
