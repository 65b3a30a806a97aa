"""A guide's shell blocks as one script that runs them one after the other, as a reader would in two terminals.

The word behind the language says how a block is meant: `sh install` needs the network or the system and is not run; `sh
background` is a terminal of its own; `sh stop` comes after these terminals are closed. A block of another language with
`file=NAME` is written to that file.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
PORT = "8000"  # as pages show it; another one is taken, because it may be in use
KINDS = ("", "install", "background", "stop")


# What each page's script begins with: a terminal's process says its address when it is ready.
HEAD = """\
set -euo pipefail
terminals=()
trap 'kill ${terminals[@]:-} 2>/dev/null || true' EXIT
wait_for_address() {
  for _ in $(seq 600); do
    grep http:// "$1" && return
    kill -0 "$2" || { cat "$1"; exit 1; }
    sleep 0.1
  done
  exit 1
}
wait_for_port() {
  for _ in $(seq 600); do (: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done
  exit 1
}
close_terminals() {
  kill -INT ${terminals[@]}
  wait ${terminals[@]} || true
  terminals=()
}
"""
# As pip installs it: its own folder is first on the path of modules, not the present one.
NVFAIR = f"""\
#!{sys.executable}
import sys
from nvfair_tools.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, the words behind it, its text."""

    language: str
    words: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page that name a language."""
    matches = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(language, words, text) for language, words, text in matches]


def script_of(page: Path) -> str:
    """The bash script that does what the page says; the first command that fails ends it."""
    lines = [HEAD]
    for number, block in enumerate(blocks(page)):
        lines.append(f"echo '::: block {number} of {page.name}'")
        if block.words.startswith("file="):
            lines.append(f"cat > {block.words.removeprefix('file=')} <<'END OF FILE'\n{block.text}END OF FILE")
        elif block.language != "sh" or block.words == "install":
            continue
        elif block.words == "background":
            log = f"terminal-{number}.log"
            lines.append(f"(\n{block.text}) > {log} 2>&1 & terminals+=($!)\nwait_for_address {log} $!")
            if PORT in block.text:
                lines.append(f"wait_for_port {PORT}")
        else:
            lines += ["close_terminals"] if block.words == "stop" else []
            lines.append(block.text)
    return "\n".join(lines) + "\n"


def run_page(page: Path, folder: Path) -> str:
    """Runs the page's blocks in `folder`; returns all output. Fails with its end where a command fails."""
    bin_folder, work = folder / "bin", folder / "work"
    starters = {"nvfair": NVFAIR, "python": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'}
    bin_folder.mkdir()
    work.mkdir()
    for name, text in starters.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "BROWSER": "true",  # opens nothing
        "OMP_NUM_THREADS": "1",
    }
    log = folder / "output.txt"
    with log.open("w") as output:  # a file: it can be read while the page runs
        done = subprocess.run(
            ["bash", "-c", script_of(page).replace(PORT, port)],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=1700,
        )
    text = log.read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, text[-6000:]
    return text
