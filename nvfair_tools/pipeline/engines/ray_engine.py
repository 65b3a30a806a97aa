"""The engine that runs a stage's items on the machines of a Ray cluster.

Each worker is a Ray actor that keeps one worker process (`ray_node`). Batches go to it two at a time at most, results
come back in a stream; both are small, because workers read and write files that all machines share. An actor that is
lost with its machine costs no item: what it had not finished goes to another.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nvfair_tools.errors import NvfairError, user_message
from nvfair_tools.pipeline.engines.engine import Batch, StageWorker
from nvfair_tools.pipeline.engines.ray_cluster import RayCluster
from nvfair_tools.pipeline.engines.ray_node import WorkerKeeper, pickled_batch
from nvfair_tools.pipeline.items import ItemResult, failed
from nvfair_tools.quantities import count_text

_BATCHES_OF_A_WORKER = 2  # the one it works at, and the next
_MAX_LOSSES = 2  # workers that are lost during one item before it is given up
_MAX_SETUP_LOSSES = 3  # workers that may be lost in a row before one is ready
_COUNT_AGAIN = 5.0  # seconds after which the cluster's machines are counted again
_SILENCE = 900.0  # seconds beyond an item's time limit without a word from a worker, which is then given up
_PENDING = 60.0  # seconds without any worker after which that is said
_STOP_TIME = 10.0  # seconds for workers to stop when a run ends

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayEngine:
    """Runs items on a Ray cluster; a context manager, which keeps the connection from stage to stage.

    workers: how many at most; None for as many as the cluster's CPUs and GPUs allow. cpus_per_worker: also the number
    of threads of a worker's numerical libraries (1 at least). gpus_per_worker: GPUs, or the part of one, of a worker of
    a stage that uses them; None: 1 where the cluster has any. uses_gpus: whether this engine's stages do.
    """

    cluster: RayCluster
    workers: int | None = None
    cpus_per_worker: float = 1.0
    gpus_per_worker: float | None = None
    uses_gpus: bool = False

    def __enter__(self) -> RayEngine:
        self.cluster.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.cluster.__exit__(*error)

    def run(
        self, factory: Callable[[], StageWorker], batches: Iterable[Batch], *, time_limit: float
    ) -> Iterator[tuple[str, ItemResult]]:
        """Yields (id, result) of every item, in the order in which they end; see `Engine.run`."""
        source = iter(batches)
        first = next((batch for batch in source if batch.items), None)
        if first is None:
            return  # an up-to-date stage needs no cluster
        with self.cluster:
            pool = _ActorPool(self, factory, time_limit)
            try:
                yield from pool.run(_chain(first, source))
            finally:
                pool.stop()

    def gpus(self) -> float:
        """GPUs of one worker of this engine's stages."""
        if not self.uses_gpus:
            return 0.0
        if self.gpus_per_worker is None:
            return 1.0 if self.cluster.has_gpus() else 0.0
        return self.gpus_per_worker

    def most_workers(self) -> int:
        """Number of workers that the cluster holds now, at most `workers`."""
        slots = self.cluster.slots(self.cpus_per_worker, self.gpus())
        return slots if self.workers is None else min(slots, self.workers)


@dataclass
class _Run:
    """A batch at a worker. stream: of messages, see `WorkerKeeper.run`. unfinished: its items by id, in order."""

    batch: Batch
    stream: Any
    unfinished: dict[str, Any]


@dataclass(eq=False)
class _Actor:
    """One worker. starting: the reference of its answer to `start`; None once it has come. runs: the first is at work.
    deadline: time (`time.monotonic`) at which it is given up."""

    handle: Any
    starting: Any
    deadline: float
    machine: str = ""
    runs: deque[_Run] = field(default_factory=deque)

    @property
    def awaited(self) -> Any:
        """The reference or stream whose next message counts; None while there is none."""
        if self.starting is not None:
            return self.starting
        return self.runs[0].stream if self.runs else None


class _ActorPool:
    """The workers of one run."""

    def __init__(self, engine: RayEngine, factory: Callable[[], StageWorker], time_limit: float) -> None:
        self._engine, self._time_limit = engine, time_limit
        self._ray = engine.cluster.connect()
        self._actors: list[_Actor] = []
        self._losses: dict[str, int] = {}
        self._setup_losses = 0
        self._max_workers, self._counted = 0, float("-inf")
        self._last_ready = time.monotonic()
        threads = max(1, int(engine.cpus_per_worker))
        keeper = self._ray.remote(
            num_cpus=engine.cpus_per_worker,
            num_gpus=engine.gpus(),
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            concurrency_groups={"control": 1},
        )(_with_control(self._ray))
        self._new_actor = lambda: keeper.remote(pickle.dumps(factory), threads, time_limit, engine.cluster.needs)
        if not engine.most_workers():
            raise NvfairError(
                f"no machine of the Ray cluster has the {engine.cpus_per_worker:g} CPU and {engine.gpus():g} GPU of "
                "a worker",
                where=engine.cluster.describe(),
                remedy="ask for fewer (`cpus_per_worker`, `gpus_per_worker`), or start machines that have them",
            )

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[str, ItemResult]]:
        """Yields (id, result) of every item, in the order in which they end."""
        source = iter(batches)
        waiting: deque[Batch] = deque()
        exhausted = False
        while True:
            self._count_machines()
            while not exhausted and len(waiting) <= self._max_workers:
                batch = next(source, None)
                exhausted = batch is None
                if batch is not None and batch.items:
                    waiting.append(batch)
            self._assign(waiting, most=1)
            if not exhausted:  # at the end a second batch would wait for one worker while others idle
                self._assign(waiting, most=_BATCHES_OF_A_WORKER)
            if not waiting and not any(actor.runs for actor in self._actors):
                return
            starting = sum(actor.starting is not None for actor in self._actors)
            while len(self._actors) < self._max_workers and starting < len(waiting):
                actor = self._new_actor()
                self._actors.append(_Actor(actor, actor.start.remote(), self._deadline()))
                starting += 1
            yield from self._wait_and_handle(waiting)

    def stop(self) -> None:
        """Ends all workers; those that answer have stopped writing when this returns."""
        stopping = [actor.handle.stop.remote() for actor in self._actors if actor.starting is None]
        if stopping:
            self._ray.wait(stopping, num_returns=len(stopping), timeout=_STOP_TIME)
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors = []

    def _deadline(self) -> float:
        return time.monotonic() + self._time_limit + _SILENCE

    def _count_machines(self) -> None:
        if time.monotonic() - self._counted > _COUNT_AGAIN:
            self._max_workers, self._counted = self._engine.most_workers(), time.monotonic()

    def _assign(self, waiting: deque[Batch], most: int) -> None:
        """Gives waiting batches to the workers that are ready and have fewer than `most`.

        An item during which a worker was lost has its worker for itself: should this one be lost too, no other is to
        blame.
        """
        for actor in self._actors:
            has_suspect = bool(waiting and self._is_suspect(waiting[0])) or any(
                self._is_suspect(run.batch) for run in actor.runs
            )
            if waiting and actor.starting is None and len(actor.runs) < (1 if has_suspect else most):
                batch = waiting.popleft()
                stream = actor.handle.run.options(num_returns="streaming").remote(pickled_batch(batch))
                if not actor.runs:
                    actor.deadline = self._deadline()
                actor.runs.append(_Run(batch, stream, dict(batch.items)))

    def _is_suspect(self, batch: Batch) -> bool:
        return any(item_id in self._losses for item_id, _ in batch.items)

    def _wait_and_handle(self, waiting: deque[Batch]) -> Iterator[tuple[str, ItemResult]]:
        """Waits for messages, a loss or a deadline, and handles all that have come."""
        awaited = {id(actor.awaited): actor for actor in self._actors if actor.awaited is not None}
        references = [actor.awaited for actor in awaited.values()]
        if not references:
            time.sleep(_COUNT_AGAIN / 10)  # all machines are lost; others may come
        else:
            ready, _ = self._ray.wait(references, timeout=_COUNT_AGAIN, fetch_local=False)
            if ready:
                ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0, fetch_local=False)
            for reference in ready:
                yield from self._handle(awaited[id(reference)], reference, waiting)
        for actor in list(self._actors):
            if actor.runs and time.monotonic() > actor.deadline:
                yield from self._remove_lost(actor, waiting, f"it was silent for {_SILENCE:g} s beyond the time limit")
        self._say_when_nothing_runs(waiting)

    def _handle(self, actor: _Actor, reference: Any, waiting: deque[Batch]) -> Iterator[tuple[str, ItemResult]]:
        """Yields the result that an actor's message brings, if it is one."""
        errors = self._ray.exceptions
        try:
            if actor.starting is not None:
                actor.machine, problems = self._ray.get(reference)
                actor.starting = None
                self._setup_losses, self._last_ready = 0, time.monotonic()
                if problems:
                    raise NvfairError("; ".join(problems), where=f"machine {actor.machine}")
                return
            try:
                kind, item_id, value = self._ray.get(next(reference))
            except StopIteration:
                actor.runs.popleft()
                actor.deadline = self._deadline()
                return
        except errors.RayTaskError:
            raise  # a mistake of ours
        except errors.RayError as error:
            yield from self._remove_lost(actor, waiting, _first_line(error))
            return
        if kind == "error":
            text = user_message(value)
            raise value if text is None else NvfairError(text, where=f"machine {actor.machine}")
        actor.deadline = self._deadline()
        del actor.runs[0].unfinished[item_id]
        self._losses.pop(item_id, None)
        yield item_id, value

    def _remove_lost(self, actor: _Actor, waiting: deque[Batch], why: str) -> Iterator[tuple[str, ItemResult]]:
        """Removes a worker that is lost: what it had not finished waits for another, before all else.

        Results on their way are lost with it, so which of a batch's items ran last is unknown: each is run by itself.
        """
        self._ray.kill(actor.handle)
        self._actors.remove(actor)
        self._counted = float("-inf")
        if actor.starting is not None:
            self._setup_losses += 1
            if self._setup_losses >= _MAX_SETUP_LOSSES:
                raise NvfairError(
                    f"{self._setup_losses} workers in a row were lost before they were ready: {why}",
                    remedy="look at Ray's logs (/tmp/ray/session_latest/logs on the machine)",
                )
            return
        if not actor.runs:
            return
        current, *others = actor.runs
        waiting.extendleft(run.batch for run in reversed(others))
        for item_id, payload in reversed(current.unfinished.items()):
            self._losses[item_id] = self._losses.get(item_id, 0) + 1
            if self._losses[item_id] < _MAX_LOSSES:
                waiting.appendleft(Batch(((item_id, payload),), current.batch.shared))
                continue
            detail = f"{count_text(self._losses.pop(item_id), 'worker was', 'workers were')} lost during it: {why}"
            yield item_id, failed("worker_crashed", detail, retryable=True)

    def _say_when_nothing_runs(self, waiting: deque[Batch]) -> None:
        """Says, once a minute, that work waits while the cluster gives no worker."""
        if any(actor.starting is None for actor in self._actors):
            self._last_ready = time.monotonic()
        elif waiting and time.monotonic() - self._last_ready > _PENDING:
            self._last_ready = time.monotonic()
            _log.warning(
                "no worker has begun for %g s: others use the cluster's CPUs and GPUs, or its machines are gone (%s)",
                _PENDING,
                self._engine.cluster.describe() or "none is alive",
            )


def _with_control(ray: Any) -> type[WorkerKeeper]:
    """The keeper whose `stop` is heard while it runs a batch."""

    class Keeper(WorkerKeeper):
        stop = ray.method(concurrency_group="control")(WorkerKeeper.stop)

    return Keeper


def _chain(first: Batch, others: Iterator[Batch]) -> Iterator[Batch]:
    yield first
    yield from others


def _first_line(error: BaseException) -> str:
    """The first line of Ray's message, without what follows of ids and addresses."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
