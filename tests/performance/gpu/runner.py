"""Runs parts one after the other, each in a process of its own with a time limit; no failure stops the next."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tests.performance.gpu.lines import Line, Lines
from tests.performance.gpu.material import ROOT, WHEELS
from tests.performance.gpu.plan import Part

# Below this many seconds no part gets anything done.
FEWEST = 8.0
# What the pack's wheels are for: where all of these are there, none of them is used.
PACKED = ("pydantic", "lazy_loader", "yaml")


def run_parts(parts: Sequence[Part], device: str, lines: Lines, whole: float, patience: float = 1.0) -> int:
    """Runs the parts and adds a last line for each; returns how many failed.

    whole: seconds for all of them. patience: what a part's own limit is multiplied by.
    """
    deadline = time.monotonic() + whole
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder), device)
        for part in parts:
            left = deadline - time.monotonic()
            if left < FEWEST:
                lines.add(
                    {"part": part.name, "state": "skipped", "reason": f"{max(left, 0):.0f} s of {whole:.0f} are left"}
                )
                continue
            last = _run(part, device, lines, min(part.seconds * patience, left), environment, Path(folder))
            lines.add(last)
            failed += last["state"] != "done"
    return failed


def _run(part: Part, device: str, lines: Lines, limit: float, environment: dict[str, str], folder: Path) -> Line:
    begun = time.monotonic()
    command = [sys.executable, "-m", "tests.performance.gpu.part", part.name, "--device", device]
    command += ["--seconds", str(limit)]
    errors = folder / f"{part.name}.stderr"
    with errors.open("wb") as stream:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            start_new_session=True,  # what it starts goes with it
        )
        late = threading.Timer(limit, _stop, [child])
        late.start()
        assert child.stdout is not None
        try:
            for text in child.stdout:
                lines.add(_parsed(text, part.name))
            child.wait()
        finally:
            late.cancel()
            _stop(child)
            child.stdout.close()
    last: Line = {"part": part.name, "state": "done", "seconds": round(time.monotonic() - begun, 1)}
    if child.returncode:
        stopped = child.returncode == -signal.SIGKILL and last["seconds"] >= limit - 0.5
        last["state"] = f"stopped at its limit of {limit:.0f} s" if stopped else "failed"
        last["exit"] = child.returncode
        last["stderr"] = errors.read_text(errors="replace").strip()[-1500:]
    return last


def _stop(child: subprocess.Popen[str]) -> None:
    """Ends a part and what it started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def _parsed(text: str, part: str) -> Line:
    """A part's line; what some library printed between is kept as text."""
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"part": part, "text": text.rstrip()[:500]}


def _environment(folder: Path, device: str) -> dict[str, str]:
    """The environment of every part: our packages can be imported, and so can the pack's where they are missing."""
    path = [str(ROOT)]
    if WHEELS.is_dir() and not all(importlib.util.find_spec(name) for name in PACKED):
        unpacked = folder / "packages"
        for wheel in sorted(WHEELS.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(unpacked)
        path.append(str(unpacked))
    supplied = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*path, *([supplied] if supplied else [])]),
        "PYTHONUNBUFFERED": "1",
        # On a CPU that others use too, threads wait for one another; nothing is timed for its own sake there.
        **({"OMP_NUM_THREADS": "1"} if device == "cpu" else {}),
        # Deterministic matrix products ask for it before the first of them.
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
    }
