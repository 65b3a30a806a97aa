"""Runs a command in a process group of its own, and ends the group when the process that asked for it is gone.

    python -I -S guard.py LIFELINE PROGRAM [ARGUMENT ...]

LIFELINE is the number of an inherited pipe's reading end, which nobody writes to: it ends when the asking process ends,
however that happens. Standard input, output and errors are the command's own, and so is the exit status. This file
imports nothing but the standard library, so that it starts in a few hundredths of a second.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

CANNOT_START = 126


def main() -> int:
    """Runs the command of the arguments; returns its exit status, or ends by the signal that ended it."""
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    try:
        process = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        print(f"{command[0]!r} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
        return CANNOT_START
    threading.Thread(target=_end_with_lifeline, args=(lifeline, process.pid), daemon=True).start()
    # The command reads its own copy of standard input; this one must not keep it open.
    os.close(0)
    status = process.wait()
    _end_group(process.pid)  # children that outlived the command
    if status < 0:
        _end_alike(-status)
    return status


def _end_with_lifeline(lifeline: int, group: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(lifeline, 4096):
            pass
    _end_group(group)


def _end_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _end_alike(number: int) -> None:
    """Ends this process by the signal that ended the command, without a core file of its own."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    sys.exit(main())
