"""`nvfair cut` that ends by SIGKILL at a line of the code that does it, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
# Where its lines are counted: what cuts, decodes, records and writes, but not what finds faces.
_TRACED = ("curate/footage/", "media/shots", "media/spans", "pipeline/", "nvfair_tools/files", "media/decoding")


def cut_until(step: int, footage: Path, out: Path, kill: bool) -> int:
    """Cuts footage, and ends this process by SIGKILL at the line with number `step` of the code that does it.

    kill: false counts the lines alone. Returns the number of lines that ran.
    """
    from nvfair_tools.curate.footage.proposals import propose_segments
    from nvfair_tools.pipeline.progress import Silent
    from nvfair_tools.recipe.footage_rule import FootageRule

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
        propose_segments([footage], out, FootageRule(min_seconds=0.8), workers=0, reporter=Silent())
    finally:
        sys.settrace(None)
    return lines


def kill_at(step: int, footage: Path, out: Path) -> None:
    """Starts cutting in a process of its own, which ends by SIGKILL at a line of the code."""
    command = [sys.executable, "-m", "tests.nvfair_tools.curate.footage.killed", str(step), str(footage), str(out)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == -signal.SIGKILL, process.stderr


if __name__ == "__main__":
    cut_until(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), kill=True)
