"""Running independent jobs in several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from nvfair_tools.errors import NvfairError

R = TypeVar("R")


def run_jobs(function: Callable[..., R], jobs: Sequence[tuple], workers: int | None = None) -> Iterator[R]:
    """`function(*job)` of each job, in the order in which they end; in this process where one worker is enough.

    workers: None is one a core. The first failure is raised and jobs that have not begun are dropped; raises
    NvfairError where a worker is killed from outside.
    """
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        for job in jobs:
            yield function(*job)
        return
    # Spawned, not forked: the parent may hold threads.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(function, *job) for job in jobs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        except BrokenProcessPool as error:
            raise NvfairError(
                "a worker was ended from outside, perhaps for want of memory",
                remedy="run the same command again: what is written is kept; fewer workers need less memory",
            ) from error
        finally:
            for future in waiting:
                future.cancel()
