"""A tool that loads its model once and then makes one video after another (`protocol` has the lines).

A tool that dies, hangs or breaks the protocol costs the job it was at, and is started again for the next one.
"""

from __future__ import annotations

import contextlib
import json
import queue
import select
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from generators.external.errors import ToolError
from generators.external.job import FileJob
from generators.external.process import GuardedProcess, LogTail, Surroundings, how_it_ended, read_in_thread
from generators.external.protocol import PROTOCOL, LineReader

_MOST_FAILED_STARTS = 3  # in a row, after which the tool is not started again
_END = object()  # in the queue of messages: the tool has closed its output


@dataclass
class _Running:
    """A started tool. messages: its answers as they come, then `_END`. log: what else it printed."""

    guarded: GuardedProcess
    threads: list[threading.Thread] = field(default_factory=list)
    messages: queue.Queue[Any] = field(default_factory=queue.Queue)
    log: LogTail = field(default_factory=LogTail)

    @classmethod
    def start(cls, arguments: list[str], surroundings: Surroundings) -> _Running:
        pipe = subprocess.PIPE
        running = cls(GuardedProcess(arguments, surroundings, stdin=pipe, stdout=pipe, stderr=pipe))
        reader = LineReader(running.messages.put, running.log.add)
        process = running.guarded.process
        assert process.stdout is not None
        assert process.stderr is not None
        running.threads = [
            read_in_thread(process.stdout, reader.take, lambda: running.messages.put(_END)),
            read_in_thread(process.stderr, running.log.add, lambda: None),
        ]
        return running

    def settled_log(self) -> str:
        """The log, once the threads have read what the tool printed before its answer."""
        process = self.guarded.process
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        for _ in range(50):  # a tool that never stops printing is not waited for
            if not select.select(streams, [], [], 0)[0]:
                break
            time.sleep(0.005)
        time.sleep(0.005)
        return self.log.text()

    def end(self) -> None:
        self.guarded.end()
        for thread in self.threads:
            thread.join(5)  # until what was printed last is in the log
        for stream in (self.guarded.process.stdin, self.guarded.process.stdout, self.guarded.process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):  # of a job that was never read
                stream.close()


class ToolServer:
    """A tool that is started for its first job and stays until `close`, or until this object is no longer used.

    version: what the tool must call itself where it says its version; "unknown" accepts any. start_timeout, timeout:
    seconds for loading and for each job. options: passed on with every job.
    """

    def __init__(
        self,
        arguments: list[str],
        surroundings: Surroundings,
        *,
        version: str,
        start_timeout: float,
        timeout: float,
        options: Mapping[str, Any],
    ) -> None:
        self._arguments, self._surroundings, self._version = arguments, surroundings, version
        self._start_timeout, self._timeout, self._options = start_timeout, timeout, dict(options)
        self._running: _Running | None = None
        self._hello: dict[str, Any] = {}
        self._finalizer: weakref.finalize | None = None
        self._jobs = 0
        self._failed_starts: list[ToolError] = []

    def start(self) -> dict[str, Any]:
        """Starts the tool unless it runs; returns its first line. Raises ToolError where it does not come up."""
        if self._running is not None:
            return self._hello
        if len(self._failed_starts) >= _MOST_FAILED_STARTS:
            last = self._failed_starts[-1]
            first_line = str(last).partition("\n")[0]
            raise ToolError(last.cause, f"{first_line} ({_MOST_FAILED_STARTS} times in a row)", last.log)
        self._running = _Running.start(self._arguments, self._surroundings)
        self._finalizer = weakref.finalize(self, self._running.end)
        try:
            self._hello = self._checked_hello(self._next_message(self._start_timeout, "loading"))
        except ToolError as error:
            self._failed_starts.append(error)
            raise
        self._failed_starts = []
        return self._hello

    def run(self, job: FileJob) -> str:
        """Has the tool make one video; returns what it printed meanwhile. Raises ToolError where it cannot."""
        self.start()
        assert self._running is not None
        self._jobs += 1
        self._running.log.clear()
        line = {
            "job": self._jobs,
            "portrait": str(job.portrait),
            "clip": str(job.clip),
            "out": str(job.out),
            "frames": job.frames,
            "options": self._options,
        }
        stdin = self._running.guarded.process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # where it has ended, which is noticed below
            stdin.write(json.dumps(line).encode() + b"\n")
            stdin.flush()
        answer = self._next_message(self._timeout, "a job")
        if answer.get("job", self._jobs) != self._jobs:
            self._fail(f"answered job {answer['job']!r} when it was given job {self._jobs}")
        if error := answer.get("error"):
            raise ToolError("tool_refused", f"{self._surroundings.name}: {error}", self._running.settled_log())
        if "out" not in answer:
            self._fail(f"answered {json.dumps(answer)[:200]}, with neither `out` nor `error`")
        return self._running.settled_log()

    def close(self) -> None:
        """Ends the tool; a later job starts it again."""
        if self._finalizer is not None:
            self._finalizer()
        self._running = self._finalizer = None

    def _next_message(self, timeout: float, doing: str) -> dict[str, Any]:
        running = self._running
        assert running is not None
        started = time.monotonic()
        try:
            message = running.messages.get(timeout=timeout)
        except queue.Empty:
            self._fail(f"gave no answer within {time.monotonic() - started:.0f} s of {doing} and was ended")
        if message is _END:
            status = running.guarded.wait(5)
            how = how_it_ended(status) if status is not None else "closed its output"
            self._fail(f"{how} during {doing}")
        if message is None:
            self._fail(f"wrote a line that is no JSON object during {doing}")
        return message

    def _checked_hello(self, hello: dict[str, Any]) -> dict[str, Any]:
        name = self._surroundings.name
        if hello.get("protocol") != PROTOCOL:
            self._fail(f"speaks protocol {hello.get('protocol')!r}; expected {PROTOCOL}: copy nvfair_tool.py anew")
        if hello.get("name") != name:
            self._fail(f"calls itself {hello.get('name')!r}; expected {name!r}: correct `name`, or the command")
        version = hello.get("version", self._version)
        if self._version not in ("unknown", version):
            self._fail(
                f"is version {version!r}; expected {self._version!r}: raise `version` in the recipe, so that the "
                "videos of the old one are made again"
            )
        return hello

    def _fail(self, what: str) -> NoReturn:
        """Ends the tool and raises ToolError with the end of its log."""
        running = self._running
        assert running is not None
        self.close()
        log = running.log.text()
        raise ToolError("tool_failed", f"{self._surroundings.name} {what}{'' if log else ' (it printed nothing)'}", log)
