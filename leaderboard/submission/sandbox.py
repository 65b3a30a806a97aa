"""Work on files that strangers send, in a child process with bounded memory and time.

The child is kept between calls, because importing numpy, pandas and pyarrow and opening a data set takes far longer
than checking a submission; one that crashes, takes too long or grows too large is replaced. It has no database and
writes no results: whatever happens to it, the board has lost nothing.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from nvfair_tools.errors import NvfairError

MAX_CALLS = 200  # after so many a child is replaced, so that no leak of a library can grow in it
_SETUP_SECONDS = 120.0  # for a child to import its modules
_PARENT_POLL_SECONDS = 0.5
_EXIT_SECONDS = 0.2  # for a child to end by itself before it is killed
# What reaches a whole group of processes: a service manager's stop, Ctrl-C, the end of a terminal.
_STOPPING_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
_NICE = 5  # readers of pages come before checks and scoring

# Kinds of message from the child. READY: the object is made. OK: with the result. USER_ERROR: with an NvfairError,
# which is raised in the parent. FAULT: with the traceback of any other exception. OUT_OF_MEMORY: without a value.
_READY, _OK, _USER_ERROR, _FAULT, _OUT_OF_MEMORY = "ready", "ok", "user error", "fault", "out of memory"


class LimitReached(NvfairError):
    """The work took more time or memory than it may, or ended its process."""


class Abandoned(Exception):
    """The caller's `should_continue` ended the work."""


class Fault(Exception):
    """The work raised an exception that is no NvfairError; the message holds the child's traceback."""


class BoundedChild:
    """Runs methods of one object in a child process, one at a time.

    factory: picklable, called in the child to make the object. memory_mb: memory that the child may take beyond what it
    has when the object is made (Linux; elsewhere only time is bounded). calls: after so many the child is replaced.
    """

    def __init__(self, factory: Callable[[], object], memory_mb: int, *, calls: int = MAX_CALLS) -> None:
        self._factory, self._memory, self._calls = factory, memory_mb * 1024 * 1024, calls
        self._lock = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._calls_left = 0

    def call(
        self,
        method: str,
        *arguments: object,
        seconds: float,
        should_continue: Callable[[], bool] | None = None,
        poll_seconds: float = 1.0,
    ) -> Any:
        """Calls the object's `method` with `arguments` in the child, and returns its result.

        should_continue: called every `poll_seconds` while waiting; False ends the work.
        Raises LimitReached, Abandoned, Fault, or the NvfairError that the method raised.
        """
        with self._lock:
            pipe = self._ready_pipe()
            try:
                pipe.send((method, arguments))
                kind, value = self._receive(pipe, seconds, should_continue, poll_seconds)
            except (EOFError, OSError) as error:
                status = self._end()
                raise LimitReached(f"the process ended with status {status} (a crash, or no memory)") from error
            except BaseException:
                self._end()
                raise
            self._calls_left -= 1
            if kind == _OUT_OF_MEMORY or self._calls_left <= 0:
                self._end()
        if kind == _OUT_OF_MEMORY:
            raise LimitReached(f"more than {self._memory // 2**20} MB of memory were needed")
        if kind == _USER_ERROR:
            raise value
        if kind == _FAULT:
            raise Fault(value)
        return value

    def warm(self) -> None:
        """Starts the child now, so that the first caller need not wait."""
        with self._lock:
            self._ready_pipe()

    def stop(self) -> None:
        """Ends the child process, where one runs."""
        with self._lock:
            self._end()

    def _receive(
        self, pipe: Connection, seconds: float, should_continue: Callable[[], bool] | None, poll_seconds: float
    ) -> tuple[str, Any]:
        end = time.monotonic() + seconds
        while True:
            remaining = end - time.monotonic()
            if remaining <= 0:
                raise LimitReached(f"it took longer than {seconds:g} s")
            if pipe.poll(min(remaining, poll_seconds) if should_continue else remaining):
                return pipe.recv()
            if should_continue and not should_continue():
                raise Abandoned

    def _ready_pipe(self) -> Connection:
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._end()
        context = multiprocessing.get_context("spawn")
        self._pipe, child_pipe = context.Pipe()
        self._process = context.Process(
            target=_child, args=(child_pipe, self._factory, self._memory, os.getpid()), daemon=True
        )
        # The child is born deaf to the signals that end its parent's group: the parent ends it, and knows that it did.
        # Otherwise a stop of the whole group would look like work that ended its process.
        with _blocked_signals():
            self._process.start()
        child_pipe.close()
        self._calls_left = self._calls
        try:
            if not self._pipe.poll(_SETUP_SECONDS):
                raise LimitReached(f"the process was not ready after {_SETUP_SECONDS:g} s")
            kind, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise LimitReached(f"the process ended with status {self._end()} before it was ready") from error
        if kind != _READY:
            self._end()
            raise value if kind == _USER_ERROR else Fault(value)
        return self._pipe

    def _end(self) -> int | None:
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        if pipe is not None:
            process.join(_EXIT_SECONDS)
        process.kill()
        process.join()
        status = process.exitcode
        process.close()
        return status


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Holds the stopping signals back from this thread, and from processes that it starts meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _child(pipe: Connection, factory: Callable[[], object], memory: int, parent: int) -> None:
    """Serves calls until the pipe closes; runs in the child process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the machine serves others meanwhile
    os.nice(_NICE)
    for number in _STOPPING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    try:
        target = factory()
        _bound_memory(memory)
    except BaseException as error:  # noqa: BLE001 - sent to the parent, whatever it is
        pipe.send(_failure(error))
        return
    pipe.send((_READY, None))
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            return
        try:
            answer = (_OK, getattr(target, method)(*arguments))
        except Exception as error:  # noqa: BLE001 - sent to the parent, whatever it is
            answer = _failure(error)
        pipe.send(answer)


def _failure(error: BaseException) -> tuple[str, Any]:
    if isinstance(error, MemoryError):
        return _OUT_OF_MEMORY, None
    if isinstance(error, NvfairError):
        return _USER_ERROR, error
    return _FAULT, "".join(traceback.format_exception(error))


def _bound_memory(memory: int) -> None:
    """Bounds the address space of this process to what it has now and `memory` bytes more. Linux only."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):  # not Linux
        return
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _end_with_parent(parent: int) -> None:
    """Ends this process when its parent has died, which no signal tells (kill -9)."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)
