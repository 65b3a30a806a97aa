"""Runs independent jobs in several processes, by the engine of the pipeline."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine, default_workers
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.quantities import count_text

R = TypeVar("R")

# Seconds after which a job counts as hanging; the longest jobs, parts with meshes, take minutes.
_JOB_TIME_LIMIT = 24 * 3600.0
_RAISED = "raised"


def run_jobs(
    function: Callable[..., R], jobs: Sequence[tuple], workers: int | None = None, *, report: Callable[[R], None]
) -> None:
    """Calls `function(*job)` for each job, and `report` with each result, in the order in which the jobs end.

    workers: number of processes (None: one for each core); one worker or one job runs in this process. `function`, the
    jobs and the results must be picklable. An exception of a job, or of `report`, or Ctrl-C ends the other jobs and is
    raised. A process that crashes or hangs does not end the others; NvfairError is raised after them.
    """
    workers = min(workers or default_workers(), len(jobs))
    if workers <= 1:
        for job in jobs:
            report(function(*job))
        return
    batches = [Batch(((str(n), job),)) for n, job in enumerate(jobs)]
    crashes: list[str] = []
    results = LocalEngine(workers).run(partial(_JobWorker, function), batches, time_limit=_JOB_TIME_LIMIT)
    # Closing the generator ends the processes, whatever happens here.
    with closing(cast("Generator[tuple[str, ItemResult], None, None]", results)):
        for _, result in results:
            if result.state == "ok":
                report(result.facts["value"])
            elif result.reason == _RAISED:
                raise result.facts["error"] from RuntimeError(f"raised in a worker process:\n{result.detail}")
            else:
                crashes.append(result.detail)
    if crashes:
        raise NvfairError(
            f"{len(crashes)} of {count_text(len(jobs), 'job')} did not end, the first because {crashes[0]}",
            remedy="run the same command again: finished files are kept; fewer workers need less memory",
        )


@dataclass(frozen=True)
class _JobWorker:
    """A StageWorker that calls a function with its payload. Its results hold Python objects: no journal stores them."""

    function: Callable[..., Any]

    def prepare(self, shared: None) -> None:
        return None

    def run(self, prepared: None, payload: tuple) -> ItemResult:
        try:
            return ok(value=self.function(*payload))
        except Exception as error:  # noqa: BLE001 - the main process raises it
            text = "".join(traceback.format_exception(error))
            return ItemResult("failed", _RAISED, text, facts={"error": _picklable_error(error)})


def _picklable_error(error: Exception) -> Exception:
    """`error`, or a RuntimeError with its text where it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - an exception's own pickling may raise anything
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
