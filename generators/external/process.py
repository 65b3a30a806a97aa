"""Starting an external command under its guard, and keeping the end of what it prints.

The command and all that it starts end with this process, even where that is killed: see `guard`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from generators.errors import GeneratorError
from generators.external.errors import ToolError

_GUARD = Path(__file__).with_name("guard.py")
_LONGEST_END = 10.0  # seconds that the guard may take to end a command
_LOG_BYTES = 1 << 16


@dataclass(frozen=True)
class Surroundings:
    """Where a tool's commands run. name: for messages. environment: variables set on top of this process's own.

    folder: the working folder; None for this process's own.
    """

    name: str
    environment: Mapping[str, str]
    folder: Path | None

    def variables(self) -> dict[str, str]:
        """All environment variables of the command."""
        return {**os.environ, **self.environment}


class GuardedProcess:
    """A running command and its guard. `process` is the guard, whose exit status is the command's.

    Raises GeneratorError where the program is not there or may not be executed.
    """

    def __init__(self, arguments: list[str], surroundings: Surroundings, **pipes: Any) -> None:
        program = find_program(arguments[0], surroundings)
        if surroundings.folder is not None and not surroundings.folder.is_dir():
            raise GeneratorError(f"{surroundings.name}: the working folder {surroundings.folder} is not a folder")
        reading_end, self._lifeline = os.pipe()
        try:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(reading_end), program, *arguments[1:]],
                env=surroundings.variables(),
                cwd=surroundings.folder,
                pass_fds=(reading_end,),
                start_new_session=True,  # Ctrl-C is for this process, which then ends the command
                **pipes,
            )
        except BaseException:
            self._cut_lifeline()
            raise
        finally:
            os.close(reading_end)

    def wait(self, timeout: float) -> int | None:
        """The exit status (negative: the signal that ended it); None where the command still runs after `timeout` s."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Ends the command, and everything that it has started."""
        self._cut_lifeline()
        if self.wait(_LONGEST_END) is None:
            self.process.kill()
            self.process.wait()

    def _cut_lifeline(self) -> None:
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)


def find_program(program: str, surroundings: Surroundings) -> str:
    """The path of a program. Raises GeneratorError where there is none, or it may not be executed."""
    if os.sep in program:
        path = os.path.join(surroundings.folder or os.getcwd(), os.path.expanduser(program))
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
        reason = "it may not be executed" if os.path.isfile(path) else "there is no such file"
    elif on_path := shutil.which(program, path=surroundings.variables().get("PATH")):
        return on_path
    else:
        reason = "it is not on the PATH"
    raise GeneratorError(f"{surroundings.name}: {program!r} cannot be started ({reason}): check the command's program")


def run_once(arguments: list[str], surroundings: Surroundings, timeout: float, log: Path) -> None:
    """Runs a command to its end, its output in the file `log`.

    Raises ToolError "tool_failed" where it runs too long, is killed or exits with another status than 0.
    """
    with log.open("wb") as output:
        command = GuardedProcess(
            arguments, surroundings, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            status = command.wait(timeout)
        finally:
            command.end()
    name = surroundings.name
    if status is None:
        raise ToolError(
            "tool_failed",
            f"{name} was still running after {timeout:g} s and was ended{printed_nothing(log)}",
            tail(log),
        )
    if status:
        raise ToolError(
            "tool_failed", f"{name} {how_it_ended(status)}: {shlex.join(arguments)}{printed_nothing(log)}", tail(log)
        )


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    return f"was killed by signal {-status}" if status < 0 else f"exited with code {status}"


def tail(log: Path) -> str:
    """The end of a log file as text."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        return file.read().decode("utf-8", errors="replace").strip()


def printed_nothing(log: Path) -> str:
    """A remark for messages about a command that left no output."""
    return "" if tail(log) else " (it printed nothing)"


class LogTail:
    """The end of what a running tool prints, read by threads so that the tool never waits for a reader."""

    def __init__(self) -> None:
        self._lock, self._content = threading.Lock(), bytearray()

    def add(self, content: bytes) -> None:
        """Appends what was printed; only the end is kept."""
        with self._lock:
            self._content += content
            del self._content[: max(0, len(self._content) - _LOG_BYTES)]

    def clear(self) -> None:
        """Forgets what was printed so far: it belongs to an earlier job."""
        with self._lock:
            self._content.clear()

    def text(self) -> str:
        """What was printed since the last `clear`, at most its last 64 KiB."""
        with self._lock:
            return self._content.decode("utf-8", errors="replace").replace("\r", "\n").strip()


def read_in_thread(stream: IO[bytes], take: Callable[[bytes], None], at_end: Callable[[], None]) -> threading.Thread:
    """Starts a thread that hands on what comes from a pipe, as it comes, and says when the pipe has ended."""

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            while content := os.read(stream.fileno(), 1 << 16):
                take(content)
        at_end()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
