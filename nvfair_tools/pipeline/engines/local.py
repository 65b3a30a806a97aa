"""The engine that runs a stage's items in processes of this machine.

An item may crash the process it runs in (a decoder's segmentation fault, the kernel's out-of-memory killer) or never
end. `concurrent.futures.ProcessPoolExecutor` breaks with its first dead worker. Here a worker that died or exceeded
the time limit costs one failed item, and a new worker continues with the rest.

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
from typing import Any

from nvfair_tools.errors import NvfairError, user_message
from nvfair_tools.pipeline.engines.engine import Batch, StageWorker, close_worker, failure_result
from nvfair_tools.pipeline.items import ItemResult, failed

_SETUP_TIME_LIMIT = 600.0  # seconds for a worker to load its landmarker or generator
_MAX_SETUP_CRASHES = 3  # workers that may die in a row before one is ready
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class LocalEngine:
    """Runs items with `workers` processes of this machine; 0 runs them in this process (for debuggers; no limits).

    threads: number of threads that a worker's numerical libraries may use (default: the machine's cores divided by
    the number of workers).
    """

    workers: int = 0
    threads: int | None = None

    def run(
        self, factory: Callable[[], StageWorker], batches: Iterable[Batch], *, time_limit: float
    ) -> Iterator[tuple[str, ItemResult]]:
        if self.workers == 0:
            yield from _run_in_this_process(factory, batches)
            return
        threads = self.threads or max(1, (os.cpu_count() or 1) // self.workers)
        pool = WorkerPool(factory, self.workers, threads, time_limit)
        try:
            yield from pool.run(batches)
        finally:
            pool.stop()


def default_workers() -> int:
    """Number of cores that this process may use: one worker for each."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_in_this_process(
    factory: Callable[[], StageWorker], batches: Iterable[Batch]
) -> Iterator[tuple[str, ItemResult]]:
    made: list[StageWorker] = []
    try:
        yield from _run_batches(factory, batches, made)
    finally:
        for worker in made:
            close_worker(worker)


def _run_batches(
    factory: Callable[[], StageWorker], batches: Iterable[Batch], made: list[StageWorker]
) -> Iterator[tuple[str, ItemResult]]:
    """Runs the batches with one worker, which is made with the first of them and put into `made`."""
    for batch in batches:
        if not made:
            made.append(factory())
        worker = made[0]
        try:
            prepared = worker.prepare(batch.shared)
        except Exception as error:  # noqa: BLE001 - whatever an item raises is its result
            yield from ((id, failure_result(error)) for id, _ in batch.items)
            continue
        for id, payload in batch.items:
            try:
                result = worker.run(prepared, payload)
            except Exception as error:  # noqa: BLE001
                result = failure_result(error)
            yield id, result


@dataclass
class _WorkerProcess:
    """One worker process and its present batch.

    ready: it has made its StageWorker. prepared: it has done the batch's shared work. finished_items: how many items
    of the batch have ended. deadline: time (`time.monotonic`) at which its present step exceeds the time limit.
    """

    process: Any
    connection: Connection
    deadline: float
    ready: bool = False
    batch: Batch | None = None
    prepared: bool = False
    finished_items: int = 0

    def kill(self) -> None:
        """Ends the process and the programs it started (an encoder that hangs, say)."""
        if hasattr(os, "killpg") and self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.process.close()
        self.connection.close()

    def crash_result(self) -> ItemResult:
        """The failed result of the item during which the process died."""
        self.process.join(5)
        exit_code = self.process.exitcode
        if exit_code is not None and exit_code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-exit_code).name
                hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
                return failed("worker_crashed", f"its process was ended by {name}{hint}", retryable=True)
        return failed("worker_crashed", f"its process ended with exit status {exit_code}", retryable=True)


class WorkerPool:
    """The worker processes of one run."""

    def __init__(self, factory: Callable[[], StageWorker], workers: int, threads: int, time_limit: float) -> None:
        self._factory, self._max_workers, self._threads, self._time_limit = factory, workers, threads, time_limit
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_WorkerProcess] = []
        self._setup_crashes = 0

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[str, ItemResult]]:
        """Yields (id, result) of every item, in the order in which they end."""
        source = iter(batches)
        waiting: deque[Batch] = deque()
        exhausted = False
        while True:
            # Batches may be made while the run goes on, so only as many are taken as will soon be needed.
            while not exhausted and len(waiting) <= self._max_workers:
                batch = next(source, None)
                exhausted = batch is None
                if batch is not None and batch.items:
                    waiting.append(batch)
            for worker in self._workers:
                if worker.ready and worker.batch is None and waiting:
                    self._assign_next_batch(worker, waiting)
            is_busy = any(worker.batch is not None for worker in self._workers)
            if not waiting and not is_busy:
                return
            starting = sum(not worker.ready for worker in self._workers)
            while len(self._workers) < self._max_workers and starting < len(waiting):
                self._start_worker()
                starting += 1
            yield from self._wait_and_handle(waiting)

    def stop(self) -> None:
        """Ends all worker processes and the programs they started."""
        for worker in self._workers:
            worker.kill()
        self._workers = []

    def _start_worker(self) -> None:
        connection, worker_end = self._context.Pipe()
        process = self._context.Process(target=_worker_main, args=(worker_end, self._threads), daemon=False)
        with _stopping_later():
            process.start()
            worker_end.close()
            self._workers.append(_WorkerProcess(process, connection, time.monotonic() + _SETUP_TIME_LIMIT))
            # A worker that is dead already will be noticed by the next wait.
            with contextlib.suppress(BrokenPipeError):
                connection.send(self._factory)

    def _assign_next_batch(self, worker: _WorkerProcess, waiting: deque[Batch]) -> None:
        batch = waiting.popleft()
        try:
            worker.connection.send(batch)
        except BrokenPipeError:
            waiting.appendleft(batch)  # it died while idle: no item is to blame
            return
        worker.batch, worker.prepared, worker.finished_items = batch, False, 0
        worker.deadline = time.monotonic() + self._time_limit

    def _wait_and_handle(self, waiting: deque[Batch]) -> Iterator[tuple[str, ItemResult]]:
        """Waits for a message, a death or a deadline, and handles all that have come."""
        has_deadline = [worker for worker in self._workers if worker.batch is not None or not worker.ready]
        until = min((worker.deadline for worker in has_deadline), default=time.monotonic() + 1.0)
        connections = [worker.connection for worker in self._workers]
        readable = wait(connections, max(0.0, until - time.monotonic()))
        for worker in list(self._workers):
            if worker.connection in readable:
                try:
                    message = worker.connection.recv()
                except (EOFError, OSError):
                    yield from self._remove_lost_worker(worker, waiting, worker.crash_result())
                    continue
                yield from self._handle_message(worker, message)
            elif worker in has_deadline and time.monotonic() >= worker.deadline:
                detail = f"took longer than its limit of {self._time_limit:g} s"
                yield from self._remove_lost_worker(worker, waiting, failed("time_limit", detail, retryable=True))

    def _handle_message(self, worker: _WorkerProcess, message: tuple) -> Iterator[tuple[str, ItemResult]]:
        """Yields the results that a worker's message brings; `_worker_main` lists the messages."""
        kind, *values = message
        if kind == "ready":
            worker.ready = True
            self._setup_crashes = 0
        elif kind == "setup_failed":
            raise values[0]
        elif kind == "prepared":
            worker.prepared = True
            worker.deadline = time.monotonic() + self._time_limit
        elif worker.batch is not None and kind == "unprepared":
            batch, worker.batch = worker.batch, None
            yield from ((id, values[0]) for id, _ in batch.items)
        elif worker.batch is not None and kind == "result":
            id = worker.batch.items[worker.finished_items][0]
            worker.finished_items += 1
            worker.deadline = time.monotonic() + self._time_limit
            if worker.finished_items == len(worker.batch.items):
                worker.batch = None
            yield id, values[0]

    def _remove_lost_worker(
        self, worker: _WorkerProcess, waiting: deque[Batch], result: ItemResult
    ) -> Iterator[tuple[str, ItemResult]]:
        """Removes a worker that died or exceeded the time limit: its present item ends with `result`, the rest of its
        batch waits for another worker."""
        worker.kill()
        self._workers.remove(worker)
        if not worker.ready:
            self._setup_crashes += 1
            if self._setup_crashes >= _MAX_SETUP_CRASHES:
                raise NvfairError(
                    f"{self._setup_crashes} worker processes in a row ended before they were ready: {result.detail}",
                    remedy="run with `workers: 0` in the recipe, which shows the error itself; or use fewer workers",
                )
        if worker.batch is None:
            return
        unfinished = worker.batch.items[worker.finished_items :]
        if not worker.prepared:  # the shared work killed the worker, so no item of the batch can be done
            yield from ((id, result) for id, _ in unfinished)
            return
        if unfinished[1:]:
            waiting.appendleft(Batch(unfinished[1:], worker.batch.shared))
        yield unfinished[0][0], result


@contextlib.contextmanager
def _stopping_later() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end of the block: a worker that is half started would end with a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its first start would let the signals through again
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)


def _worker_main(connection: Connection, threads: int) -> None:
    """The main function of a worker process. It ignores Ctrl-C, which the main process handles, and ends with it.

    It receives the factory, then batches, and sends tuples: ("ready",) or ("setup_failed", exception); for each batch
    ("prepared",) or ("unprepared", ItemResult), then ("result", ItemResult) for each item, in order.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)  # held back while this process was started
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    _become_batch_job()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[name] = str(threads)
    try:
        worker = connection.recv()()
    except Exception as error:  # noqa: BLE001 - the main process raises it
        connection.send(("setup_failed", _picklable_error(error)))
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
            connection.send(("unprepared", failure_result(error)))
            continue
        connection.send(("prepared",))
        for _, payload in batch.items:
            try:
                result = worker.run(prepared, payload)
            except Exception as error:  # noqa: BLE001
                result = failure_result(error)
            connection.send(("result", result))


def _become_batch_job() -> None:
    """Asks Linux to schedule this process, and the programs it starts, as what they are: work without a user waiting.

    A thread that gets something to do then waits its turn instead of interrupting the one that gave it. Worker and
    encoder hand frames on many times a second, and otherwise change places with each of them.
    """
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _end_with_parent() -> None:
    """Ends this process and the programs it started as soon as the main process has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _picklable_error(error: Exception) -> Exception:
    """`error` as an exception that survives the pipe: a user's error by its message, others with their traceback."""
    if (message := user_message(error)) is not None:
        return NvfairError(message)
    return RuntimeError("a worker could not start:\n" + "".join(traceback.format_exception(error)))
