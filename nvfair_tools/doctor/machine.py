"""Cores, memory, disk and the folders that the tools keep things in."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable, existing_parent
from nvfair_tools.quantities import count_text, size_text

# A worker with its landmarker, and a build's smallest demand of disk.
WORKER_BYTES, DISK_BYTES = 0.6e9, 4e9


def check_machine(output: Path) -> Iterator[MachineFinding]:
    """Cores and free memory, and the disk at `output` and at the folder of temporary files."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = free_memory()
    if free is None:
        yield MachineFinding(
            "note", "processor", f"{count_text(cores, 'core')}; free memory is not known without psutil"
        )
    else:
        text = f"{count_text(cores, 'core')}, {free / 1e9:.1f} GB of memory free"
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


def check_room(place: Path, needed: float, purpose: str, remedy: str = "") -> MachineFinding:
    """Whether so many bytes are free on the disk of a folder, which need not exist yet. purpose: what they are for."""
    folder = existing_parent(place)
    free = shutil.disk_usage(folder).free
    text = f"{purpose}: about {size_text(needed)}, and {size_text(free)} are free at {folder}"
    if needed > free:
        return MachineFinding("error", "disk", text, remedy or "free some, or name a folder on another disk")
    return MachineFinding("ok", "disk", text)


def check_temporary_room(needed: float, purpose: str) -> MachineFinding:
    """Whether so many bytes are free in the folder of temporary files."""
    return check_room(Path(tempfile.gettempdir()), needed, purpose, _elsewhere("temporary files"))


def check_memory_for(needed: float, purpose: str, remedy: str) -> MachineFinding:
    """Whether so many bytes of memory are free; where they are not, a warning, because other programs may end."""
    free = free_memory()
    if free is None:
        return MachineFinding("note", "memory", "free memory is not known without psutil")
    text = f"{purpose}: about {size_text(needed)}, and {size_text(free)} are free"
    return MachineFinding("warning", "memory", text, remedy) if needed > free else MachineFinding("ok", "memory", text)


def check_output(folder: Path) -> MachineFinding:
    """Whether files can be written in a folder that exists or will be made: a file without a name is written there."""
    try:
        check_writable(folder)
    except NvfairError as error:
        return MachineFinding("error", "output", f"{folder}: {error.what}", error.remedy)
    return MachineFinding("ok", "output", str(folder))


def check_port(host: str, port: int) -> MachineFinding:
    """Whether a server can listen at an address; port 0 is any free one."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_STREAM) as listening:
            # As servers do it: connections of an earlier one, which are about to end, are in nobody's way.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
    except OSError as error:
        text = f"{host}:{port} cannot be listened at: {error.strerror or error}"
        return MachineFinding("error", "address", text, "name another with --port, or end the program that has it")
    return MachineFinding("ok", "address", f"{host}:{port}")


def free_memory() -> float | None:
    """Bytes of memory that programs can still get; None where psutil is not there to say."""
    try:
        import psutil
    except ImportError:
        return None
    return float(psutil.virtual_memory().available)


def _elsewhere(topic: str) -> str:
    return "set TMPDIR to a roomier folder" if topic == "temporary files" else "free some, or build elsewhere"
