"""Cores, memory, disk and the folders that the tools keep things in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding

# A worker with its landmarker, and a build's smallest demand of disk.
WORKER_BYTES, DISK_BYTES = 0.6e9, 4e9


def check_machine(output: Path) -> Iterator[MachineFinding]:
    """Cores and free memory, and the disk at `output` and at the folder of temporary files."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = free_memory()
    if free is None:
        yield MachineFinding("note", "processor", f"{cores} cores; free memory is not known without psutil")
    else:
        text = f"{cores} cores, {free / 1e9:.1f} GB of memory free"
        level = "warning" if free < WORKER_BYTES * cores else "ok"
        remedy = "set `workers` in the recipe, or end other programs" if level == "warning" else ""
        yield MachineFinding(level, "processor", text, remedy)  # type: ignore[arg-type]
    places = {"disk": existing_parent(output), "temporary files": Path(tempfile.gettempdir())}
    for topic, place in places.items():
        space = shutil.disk_usage(place).free
        text = f"{space / 1e9:.1f} GB free at {place}"
        if not os.access(place, os.W_OK):
            yield MachineFinding("error", topic, f"{place} cannot be written to", _elsewhere(topic))
        elif space < DISK_BYTES:
            yield MachineFinding("warning", topic, text, _elsewhere(topic))
        else:
            yield MachineFinding("ok", topic, text)


def check_folders(folders: dict[str, Path]) -> Iterator[MachineFinding]:
    """Whether each folder {what it is for: where} can be written to, or made."""
    for purpose, folder in folders.items():
        place = existing_parent(folder)
        if os.access(place, os.W_OK):
            yield MachineFinding("ok", purpose, str(folder))
        else:
            yield MachineFinding("warning", purpose, f"{folder} cannot be made or written to", f"chmod u+w {place}")


def free_memory() -> float | None:
    """Bytes of memory that programs can still get; None where psutil is not there to say."""
    try:
        import psutil
    except ImportError:
        return None
    return float(psutil.virtual_memory().available)


def existing_parent(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


def _elsewhere(topic: str) -> str:
    return "set TMPDIR to a roomier folder" if topic == "temporary files" else "free some, or build elsewhere"
