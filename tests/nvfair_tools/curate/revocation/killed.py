"""A removal of a person that ends by SIGKILL at a line of the code that does it, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
_TRACED = (
    "curate/revocation",
    "pipeline/journal_removal",
    "dataset/row_removal",
    "governance/",
    "nvfair_tools/files",
) + ("evaluation/revocation", "methods/quarantine", "store/revocation_holder")


def revoke_until(step: int, person: str, folders: list[Path], key: Path, kill: bool) -> int:
    """Removes a person, and ends this process by SIGKILL at the line with number `step` of the code that does it.

    kill: false counts the lines alone. Returns the number of lines that ran.
    """
    from nvfair_tools.cli.revoke import holders_in
    from nvfair_tools.governance.curator_key import create_key
    from nvfair_tools.governance.revocation import Revocation

    curator_key = create_key(key)
    revocation = Revocation.prepare(person, holders_in(folders), "2026-01-31")
    lines = 0

    def on_line(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
            if kill and lines == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return on_line

    def on_call(frame, event, argument):
        return on_line if any(place in frame.f_code.co_filename for place in _TRACED) else None

    sys.settrace(on_call)
    try:
        revocation.run(curator_key)
    finally:
        sys.settrace(None)
    return lines


def kill_at(step: int, person: str, folder: Path, key: Path) -> None:
    """Starts a removal in a process of its own, which ends by SIGKILL at a line of the code."""
    command = [sys.executable, "-m", "tests.nvfair_tools.curate.revocation.killed", str(step), person, str(key)]
    process = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == -signal.SIGKILL, process.stderr


if __name__ == "__main__":
    revoke_until(int(sys.argv[1]), sys.argv[2], [Path(place) for place in sys.argv[4:]], Path(sys.argv[3]), kill=True)
