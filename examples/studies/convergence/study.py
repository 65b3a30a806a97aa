"""Runs the study: simulates each world, then makes its runs in parallel processes, the most telling ones first."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from examples.studies.convergence.plan import SHORTCUTS, Run
from examples.studies.convergence.runs import STOPPED, Result, Workplace, make_run
from examples.studies.convergence.scoring import SELF_CROSS
from generators.device import limited_threads
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine, default_workers
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.simulate.cohort import write_cohort

_NO_LIMIT = 7 * 24 * 3600.0
# Share of the study's time, and most seconds, that are left for scoring when trainings stop.
_SCORING_SHARE, _SCORING_SECONDS = 0.25, 20.0
FINISHED, NOT_RUN, FAILED = "finished", "not run", "failed"


@dataclass(frozen=True)
class RunWorker:
    """A worker of the engine that makes one run after another."""

    place: Workplace

    def prepare(self, shared: None) -> None:
        """Does nothing: runs share no work but what a process keeps."""

    def run(self, prepared: None, payload: Run) -> ItemResult:
        """Makes a run; its results are files, and here in words."""
        if self.place.is_over:
            return ok(state=NOT_RUN, text="the time was over")
        with limited_threads(1):
            results = make_run(payload, self.place)
        if not results:
            return ok(state=NOT_RUN, text="the time was over before its first validation")
        is_stopped = any(result.state == STOPPED for result in results)
        text = in_words(results[0]) if payload.method != SHORTCUTS else f"{len(results) - 1} shortcuts"
        return ok(state=STOPPED if is_stopped else FINISHED, text=text)


def stop_time(seconds: float | None) -> float | None:
    """When trainings must stop so that everything ends `seconds` from now; None without such a limit."""
    if seconds is None:
        return None
    return time.time() + seconds - min(_SCORING_SECONDS, _SCORING_SHARE * seconds)


def run_study(runs: Iterable[Run], place: Workplace, jobs: int, say: Callable[[str], None]) -> Counter[str]:
    """Makes all runs that are not finished, `jobs` at a time; returns how many ended in which way.

    say: called with a line of text as things go on. Failed runs are said with their reason and do not stop the others.
    """
    begun = time.monotonic()
    planned = list(runs)
    counts: Counter[str] = Counter()
    waiting = []
    for run in planned:
        if place.finished(run) is None:
            waiting.append(run)
        else:
            counts[FINISHED] += 1
    say(f"{len(planned)} runs, {counts[FINISHED]} of them finished before")
    engine = LocalEngine(0 if jobs == 1 else jobs, threads=1)
    batches = _batches(waiting, place, jobs, say)
    for key, result in engine.run(partial(RunWorker, place), batches, time_limit=_NO_LIMIT):
        state = result.facts["state"] if result.state == "ok" else FAILED
        text = result.facts["text"] if result.state == "ok" else f"{result.reason}: {result.detail}"
        counts[state] += 1
        say(f"{time.monotonic() - begun:6.0f} s  {sum(counts.values())} of {len(planned)}  {key}: {state}, {text}")
    say(", ".join(f"{counts[state]} {state}" for state in (FINISHED, STOPPED, NOT_RUN, FAILED)))
    return counts


def _batches(runs: list[Run], place: Workplace, jobs: int, say: Callable[[str], None]) -> Iterator[Batch]:
    """One batch a run, once its world is simulated; the next world is simulated meanwhile, on cores that are free."""
    run_of_cohort: dict[Path, Run] = {}
    for run in runs:
        run_of_cohort.setdefault(place.cohort(run), run)
    following = iter(run_of_cohort.items())
    futures: dict[Path, Future[None]] = {}

    def start_next(executor: ThreadPoolExecutor, workers: int) -> None:
        for cohort, first_run in islice(following, 1):
            futures[cohort] = executor.submit(simulate, first_run, cohort, place, workers, say)

    with ThreadPoolExecutor(1) as executor:
        start_next(executor, default_workers())
        for run in runs:
            future = futures[place.cohort(run)]
            future.result()
            if future is list(futures.values())[-1]:
                start_next(executor, max(1, default_workers() - jobs))
            yield Batch(((run.key, run),))


def simulate(run: Run, cohort: Path, place: Workplace, workers: int, say: Callable[[str], None]) -> None:
    """Writes the cohort of a run's world where it is not there yet, unless the time is over."""
    if place.is_over:
        return
    begun = time.monotonic()
    write_cohort(cohort, run.settings, workers=workers)
    say(f"{run.world} {run.settings.world_hash()} is in {cohort} ({time.monotonic() - begun:.0f} s)")


def in_words(result: Result) -> str:
    """How a run ended and its mean AUCs on the seen and the unseen generators, as a line of text."""
    means: dict[bool, list[float]] = {True: [], False: []}
    for cell in result.cells:
        if cell.trials == SELF_CROSS:
            means[cell.generator == result.train_generator].append(
                float(np.mean([auc for auc, _ in cell.people.values()]))
            )
    seen, unseen = (float(np.mean(values)) if values else math.nan for values in (means[True], means[False]))
    validation = math.nan if result.validation_auc is None else result.validation_auc
    return (
        f"{result.state} after {result.steps} steps (best at {result.best_step}), AUC {validation:.3f} on validation "
        f"people, {seen:.3f} seen, {unseen:.3f} unseen; {result.seconds:.0f} s"
    )
