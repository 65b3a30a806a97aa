"""Work on what strangers send, in a child process with bounded memory and time.

The child is kept between calls, because importing numpy, pandas and pyarrow and opening a data set takes far longer
than checking a submission; one that crashes, takes too long or grows too large is replaced. It has no database and
writes no results: whatever happens to it, the board has lost nothing.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from nvfair_tools.errors import NvfairError

MAX_CALLS = 200  # after so many a child is replaced, so that nothing can pile up in it
_SETUP_SECONDS = 120.0  # for a child to import what it needs
_PARENT_SECONDS = 0.5
_NICE = 5  # whoever reads pages goes before


class LimitReached(NvfairError):
    """The work took more time or memory than it may, or ended its process."""


class Abandoned(Exception):
    """The caller's `should_continue` said that the result is no longer wanted."""


class Fault(Exception):
    """The work raised what nobody foresaw; the message holds the child's traceback."""


class BoundedChild:
    """Runs methods of one object in a child process, one at a time.

    factory: picklable, called in the child to make the object. memory_mb: what the child may take beyond what it has
    when the object is made (Linux; elsewhere only time is bounded).
    """

    def __init__(self, factory: Callable[[], object], memory_mb: int, *, calls: int = MAX_CALLS) -> None:
        self._factory, self._memory, self._calls = factory, memory_mb * 1024 * 1024, calls
        self._lock = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._left = 0

    def call(
        self,
        method: str,
        *arguments: object,
        seconds: float,
        should_continue: Callable[[], bool] | None = None,
        poll_seconds: float = 1.0,
    ) -> Any:
        """What the object's `method` gives for `arguments`.

        should_continue: asked every `poll_seconds` while waiting; False ends the work.
        Raises LimitReached, Abandoned, Fault, or the NvfairError that the method raised.
        """
        with self._lock:
            pipe = self._ready()
            try:
                pipe.send((method, arguments))
                kind, value = self._answer(pipe, seconds, should_continue, poll_seconds)
            except (EOFError, OSError) as error:
                status = self._end()
                raise LimitReached(f"the process ended with status {status} (a crash, or no memory)") from error
            except BaseException:
                self._end()
                raise
            self._left -= 1
            if kind == "memory" or self._left <= 0:
                self._end()
        if kind == "memory":
            raise LimitReached(f"more than {self._memory // 2**20} MB of memory were needed")
        if kind == "told":
            raise value
        if kind == "fault":
            raise Fault(value)
        return value

    def warm(self) -> None:
        """Starts the child now, so that the first caller need not wait."""
        with self._lock:
            self._ready()

    def stop(self) -> None:
        """Ends the child."""
        with self._lock:
            self._end()

    def _answer(
        self, pipe: Connection, seconds: float, should_continue: Callable[[], bool] | None, poll_seconds: float
    ) -> tuple[str, Any]:
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise LimitReached(f"it took longer than {seconds:g} s")
            if pipe.poll(min(left, poll_seconds) if should_continue else left):
                return pipe.recv()
            if should_continue and not should_continue():
                raise Abandoned

    def _ready(self) -> Connection:
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._end()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_child, args=(theirs, self._factory, self._memory, os.getpid()), daemon=True
        )
        self._process.start()
        theirs.close()
        self._left = self._calls
        try:
            if not self._pipe.poll(_SETUP_SECONDS):
                raise LimitReached(f"the process was not ready after {_SETUP_SECONDS:g} s")
            kind, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise LimitReached(f"the process ended with status {self._end()} before it was ready") from error
        if kind != "ready":
            self._end()
            raise value if kind == "told" else Fault(value)
        return self._pipe

    def _end(self) -> int | None:
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        if pipe is not None:
            process.join(0.2)
        process.kill()
        process.join()
        status = process.exitcode
        process.close()
        return status


def _child(pipe: Connection, factory: Callable[[], object], memory: int, parent: int) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the machine serves others meanwhile
    os.nice(_NICE)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C reaches the whole group; the parent says goodbye
        try:
            target = factory()
            _bound(memory)
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            pipe.send(_failure(error))
            return
        pipe.send(("ready", None))
        while True:
            try:
                method, arguments = pipe.recv()
            except EOFError:
                return
            try:
                answer = ("ok", getattr(target, method)(*arguments))
            except Exception as error:  # noqa: BLE001 - told to the parent, whatever it is
                answer = _failure(error)
            pipe.send(answer)


def _failure(error: BaseException) -> tuple[str, Any]:
    if isinstance(error, MemoryError):
        return "memory", None
    if isinstance(error, NvfairError):
        return "told", error
    return "fault", "".join(traceback.format_exception(error))


def _bound(memory: int) -> None:
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):  # not Linux
        return
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _end_with(parent: int) -> None:
    """Ends this process when its parent has died, which no signal tells (kill -9)."""
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(1)
