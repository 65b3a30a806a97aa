"""The option `--threads`: how many threads of a processor compute, and a word where others are using them.

A network's step is many small computations, after each of which the threads wait for the slowest. Where another
process has taken a core, the others used to wait with their own cores busy, and a step took many times as long. So
waiting threads sleep (`OMP_WAIT_POLICY`, set when the command starts), and no more threads are started than the
process has cores: the quota of a container counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_VARIABLE = "OMP_NUM_THREADS"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_BUSY = 0.75  # of the cores, taken by other processes

Command = TypeVar("Command", bound=Callable[..., Any])


def threads_option(command: Command) -> Command:
    """Adds `--threads` to a command that computes with torch; the command need not know of it."""
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        expose_value=False,
        callback=_set_threads,
        help=f"Threads of a processor; 1 is quickest where others use it too. [default: {_VARIABLE}, or one a core]",
    )(command)


def usable_cores(quota: Path = _QUOTA) -> int:
    """The number of cores that this process may use, by its affinity and by the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        share, period = quota.read_text().split()
        return max(1, min(cores, int(share) // int(period)))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return cores


def busy_note(cores: int, load: float) -> str:
    """What a user should know where other processes use the cores; "" where they do not. load: of the last minute."""
    if load < _BUSY * cores:
        return ""
    return (
        f"note: this machine is busy (a load of {load:.1f} on {cores} core{'s' * (cores != 1)}); where a processor "
        "computes, --threads 1 is quicker now"
    )


def _set_threads(context: click.Context, parameter: click.Parameter, threads: int | None) -> None:
    if threads is None and _VARIABLE in os.environ:
        return
    if threads is None:
        threads = usable_cores()
        is_main = os.environ.get("RANK", "0") == "0"
        if is_main and threads > 1 and hasattr(os, "getloadavg") and (note := busy_note(threads, os.getloadavg()[0])):
            click.echo(note, err=True)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    else:
        os.environ[_VARIABLE] = str(threads)  # which torch reads when it is imported
