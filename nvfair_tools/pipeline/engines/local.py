"""Engines run a stage's items. `LocalEngine` uses processes of this machine.

An item may crash the process it runs in (a decoder's segmentation fault, the kernel's out-of-memory killer) or never
end. `concurrent.futures.ProcessPoolExecutor` breaks with its first dead worker; here a dead or overdue worker is one
failed item, and a fresh worker goes on with the rest.

This module imports only the standard library before a worker has set its environment.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import ItemResult, failed

_SETUP_LIMIT = 600.0  # seconds for a worker to load its landmarker or generator
_SETUP_CRASHES = 3  # workers that may die in a row before one is ready


@dataclass(frozen=True)
class Batch:
    """Items that share work: `shared` is prepared once, then each of `items` (id, payload) is run, in order."""

    items: tuple[tuple[str, Any], ...]
    shared: Any = None


class StageWorker(Protocol):
    """What a stage does, inside one process; made once a process."""

    def prepare(self, shared: Any) -> Any:
        """The work that a batch's items share."""
        ...

    def run(self, prepared: Any, payload: Any) -> ItemResult:
        """One item. An exception becomes a failed result (see `failure_of`)."""
        ...


class Engine(Protocol):
    """Where a stage's items run."""

    def run(
        self, factory: Callable[[], StageWorker], batches: Iterable[Batch], *, time_limit: float
    ) -> Iterator[tuple[str, ItemResult]]:
        """(id, result) of every item, in the order in which they end.

        factory: picklable; called once a worker. time_limit: seconds for one item, and for the work a batch shares.
        Raises what the factory raises. Closing the iterator stops the workers.
        """
        ...


def failure_of(error: BaseException) -> ItemResult:
    """The failed result that stands for an exception.

    An error that names its `cause` or `reason` (MediaError, GapTooLong) keeps it; mistakes of the input are final;
    what depends on the machine's moment (I/O, memory, an encoder that could not write) and what nobody foresaw (mended
    by a later release) is retryable.
    """
    detail = _first_line(getattr(error, "what", None) or str(error) or type(error).__name__)
    cause = getattr(error, "cause", None) or getattr(error, "reason", None)
    if isinstance(error, NvfairError) and isinstance(cause, str):
        return failed(cause, detail.removeprefix(f"{cause}: "), retryable=cause == "not_encoded")
    if isinstance(error, NvfairError) or type(error).__name__ == "GeneratorError":
        return failed("unusable_input", detail, retryable=False)
    if isinstance(error, MemoryError):
        return failed("out_of_memory", detail, retryable=True)
    if isinstance(error, OSError):
        return failed("io_error", f"{type(error).__name__}: {error.strerror or detail}", retryable=True)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return failed("unexpected_error", f"{type(error).__name__}: {detail}{place}", retryable=True)


@dataclass(frozen=True)
class LocalEngine:
    """Runs items with `workers` processes of this machine; 0 runs them in this process (for debuggers; no limits).

    threads: what a worker's numerical libraries may use (default: the machine's cores shared out).
    """

    workers: int = 0
    threads: int | None = None

    def run(
        self, factory: Callable[[], StageWorker], batches: Iterable[Batch], *, time_limit: float
    ) -> Iterator[tuple[str, ItemResult]]:
        """See Engine.run."""
        if self.workers == 0:
            yield from _run_inline(factory, batches)
            return
        pool = _Pool(factory, self.workers, self.threads or max(1, (os.cpu_count() or 1) // self.workers), time_limit)
        try:
            yield from pool.run(batches)
        finally:
            pool.stop()


def _run_inline(factory: Callable[[], StageWorker], batches: Iterable[Batch]) -> Iterator[tuple[str, ItemResult]]:
    worker = None
    for batch in batches:
        worker = factory() if worker is None else worker
        try:
            prepared = worker.prepare(batch.shared)
        except Exception as error:  # noqa: BLE001 - whatever an item raises is its result
            yield from ((id, failure_of(error)) for id, _ in batch.items)
            continue
        for id, payload in batch.items:
            try:
                result = worker.run(prepared, payload)
            except Exception as error:  # noqa: BLE001
                result = failure_of(error)
            yield id, result


@dataclass
class _Slot:
    """One worker process and what it is doing. `next` counts the finished items of `batch`."""

    process: Any
    connection: Connection
    deadline: float
    ready: bool = False
    batch: Batch | None = None
    prepared: bool = False
    next: int = 0


class _Pool:
    """The processes of one run."""

    def __init__(self, factory: Callable[[], StageWorker], workers: int, threads: int, time_limit: float) -> None:
        self._factory, self._workers, self._threads, self._limit = factory, workers, threads, time_limit
        self._context = multiprocessing.get_context("spawn")
        self._slots: list[_Slot] = []
        self._setup_crashes = 0

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[str, ItemResult]]:
        source = iter(batches)
        waiting: deque[Batch] = deque()
        exhausted = False
        while True:
            while not exhausted and len(waiting) <= self._workers:
                batch = next(source, None)
                exhausted = batch is None
                if batch is not None and batch.items:
                    waiting.append(batch)
            for slot in self._slots:
                if slot.ready and slot.batch is None and waiting:
                    self._give(slot, waiting)
            busy = [slot for slot in self._slots if slot.batch is not None]
            if not waiting and not busy:
                return
            starting = sum(not slot.ready for slot in self._slots)
            while len(self._slots) < self._workers and starting < len(waiting):
                self._start()
                starting += 1
            yield from self._step(waiting)

    def stop(self) -> None:
        for slot in self._slots:
            self._kill(slot)
        self._slots = []

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_worker_main, args=(theirs, self._threads), daemon=False)
        process.start()
        theirs.close()
        # A worker that is dead already will be noticed in the next step.
        with contextlib.suppress(BrokenPipeError):
            ours.send(self._factory)
        self._slots.append(_Slot(process, ours, time.monotonic() + _SETUP_LIMIT))

    def _give(self, slot: _Slot, waiting: deque[Batch]) -> None:
        batch = waiting.popleft()
        try:
            slot.connection.send(batch)
        except BrokenPipeError:
            waiting.appendleft(batch)  # it died while idle: no item is to blame
            return
        slot.batch, slot.prepared, slot.next = batch, False, 0
        slot.deadline = time.monotonic() + self._limit

    def _step(self, waiting: deque[Batch]) -> Iterator[tuple[str, ItemResult]]:
        """Waits for the next thing to happen and handles everything that has."""
        watched = [slot for slot in self._slots if slot.batch is not None or not slot.ready]
        idle = [slot for slot in self._slots if slot not in watched]
        until = min((slot.deadline for slot in watched), default=time.monotonic() + 1.0)
        ready = wait([slot.connection for slot in watched + idle], max(0.0, until - time.monotonic()))
        for slot in list(self._slots):
            if slot.connection in ready:
                try:
                    message = slot.connection.recv()
                except (EOFError, OSError):
                    yield from self._lost(slot, waiting, self._death(slot))
                    continue
                yield from self._handle(slot, message)
            elif slot in watched and time.monotonic() >= slot.deadline:
                detail = f"took longer than its limit of {self._limit:g} s"
                yield from self._lost(slot, waiting, failed("time_limit", detail, retryable=True))

    def _handle(self, slot: _Slot, message: tuple) -> Iterator[tuple[str, ItemResult]]:
        kind, *values = message
        if kind == "ready":
            slot.ready = True
            self._setup_crashes = 0
        elif kind == "setup_failed":
            raise values[0]
        elif kind == "prepared":
            slot.prepared = True
            slot.deadline = time.monotonic() + self._limit
        elif slot.batch is not None and kind == "unprepared":
            batch, slot.batch = slot.batch, None
            yield from ((id, values[0]) for id, _ in batch.items)
        elif slot.batch is not None and kind == "result":
            id = slot.batch.items[slot.next][0]
            slot.next += 1
            slot.deadline = time.monotonic() + self._limit
            if slot.next == len(slot.batch.items):
                slot.batch = None
            yield id, values[0]

    def _lost(self, slot: _Slot, waiting: deque[Batch], result: ItemResult) -> Iterator[tuple[str, ItemResult]]:
        """A worker that died or was overdue: its item fails, the rest of its batch waits for another worker."""
        self._kill(slot)
        self._slots.remove(slot)
        if not slot.ready:
            self._setup_crashes += 1
            if self._setup_crashes >= _SETUP_CRASHES:
                raise NvfairError(
                    f"{self._setup_crashes} worker processes in a row ended before they were ready: {result.detail}",
                    remedy="run with `workers: 0` in the recipe, which shows the error itself; or use fewer workers",
                )
        if slot.batch is None:
            return
        rest = slot.batch.items[slot.next :]
        if not slot.prepared:  # the shared work did it, so no item of the batch can be done
            yield from ((id, result) for id, _ in rest)
            return
        if rest[1:]:
            waiting.appendleft(Batch(rest[1:], slot.batch.shared))
        yield rest[0][0], result

    @staticmethod
    def _death(slot: _Slot) -> ItemResult:
        slot.process.join(5)
        code = slot.process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
                hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
                return failed("worker_crashed", f"its process was ended by {name}{hint}", retryable=True)
        return failed("worker_crashed", f"its process ended with exit status {code}", retryable=True)

    @staticmethod
    def _kill(slot: _Slot) -> None:
        """Ends a worker and the programs it started (an encoder that hangs, say)."""
        if hasattr(os, "killpg") and slot.process.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(slot.process.pid, signal.SIGKILL)
        slot.process.kill()
        slot.process.join()
        slot.process.close()
        slot.connection.close()


def _worker_main(connection: Connection, threads: int) -> None:
    """A worker's life. Ctrl-C is the main process's affair, and a worker ends when that process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    try:
        worker = connection.recv()()
    except Exception as error:  # noqa: BLE001 - the main process raises it
        connection.send(("setup_failed", _portable(error)))
        return
    connection.send(("ready",))
    while True:
        try:
            batch = connection.recv()
        except (EOFError, OSError):
            return
        try:
            prepared = worker.prepare(batch.shared)
        except Exception as error:  # noqa: BLE001 - whatever an item raises is its result
            connection.send(("unprepared", failure_of(error)))
            continue
        connection.send(("prepared",))
        for _, payload in batch.items:
            try:
                result = worker.run(prepared, payload)
            except Exception as error:  # noqa: BLE001
                result = failure_of(error)
            connection.send(("result", result))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _portable(error: Exception) -> Exception:
    """`error` as an exception that survives the pipe: users' mistakes as they read, others with their traceback."""
    if isinstance(error, NvfairError) or type(error).__name__ == "GeneratorError":
        return NvfairError(str(error))
    return RuntimeError("a worker could not start:\n" + "".join(traceback.format_exception(error)))


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def default_workers() -> int:
    """One worker a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
