"""Showing the progress of long work where the output is no terminal: a line a minute, as a log file wants it."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TextIO

from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.quantities import duration_text, rate_text

INTERVAL = 60.0  # seconds between two lines
_FIRST = 10.0  # seconds before the first line, so that a log soon shows that something happens

# Whether the present command shows no progress at all.
_silent: ContextVar[bool] = ContextVar("silent", default=False)

# Receives (done, total), or (done, total, a note such as the last validation).
Report = Callable[..., None]


class ProgressLines:
    """Writes a line about the present task each `interval` seconds, whether or not anything has ended meanwhile.

    A task that ends before its first line writes none; any other writes a last one. As a reporter of a build's stages,
    each stage is a task. Enter it: its thread writes until it is left.
    """

    def __init__(self, stream: TextIO | None = None, interval: float = INTERVAL) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._interval = interval
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._write_lines, name="progress lines", daemon=True)
        self._task, self._note = "", ""
        self._done, self._total, self._before = 0, 0, 0
        self._reasons: Counter[str] = Counter()
        self._begun = time.monotonic()
        self._written = False

    def __enter__(self) -> ProgressLines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()
        self.end_task()

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        """A task of `total` items begins; `finished` of them were finished by an earlier run."""
        self.end_task()
        with self._lock:
            self._task, self._note = stage, ""
            self._done, self._total, self._before = finished, total, finished
            self._reasons.clear()
            self._begun, self._written = time.monotonic(), False

    def end_item(self, result: ItemResult) -> None:
        """An item of the present task has ended."""
        with self._lock:
            self._done += 1
            if result.state != "ok":
                self._reasons[result.reason] += 1

    def report(self, done: int, total: int, note: str = "") -> None:
        """Says how much of the present task is done, where its items are only counted; note: what else to write."""
        with self._lock:
            self._note = note
            if not self._total:
                self._before = done
            self._done, self._total = done, total

    def _write_lines(self) -> None:
        pause = min(_FIRST, self._interval)
        while not self._left.wait(pause):
            pause = self._interval
            with self._lock:
                if self._task:
                    self._write()

    def end_task(self) -> None:
        """The present task has ended; what comes next has no name yet."""
        with self._lock:
            if self._written:
                self._write(ended=True)
            self._task, self._written = "", False

    def _write(self, *, ended: bool = False) -> None:
        seconds = time.monotonic() - self._begun
        parts = [f"{self._done:,} of {self._total:,}" if self._total else "ended" if ended else "begun"]
        parts += [f"{count:,} {reason}" for reason, count in sorted(self._reasons.items())]
        parts += [self._note] if self._note else []
        parts.append(f"{duration_text(seconds)}{'' if ended else ' so far'}")
        rate = (self._done - self._before) / seconds if seconds else 0.0
        if rate:
            parts.append(rate_text(rate))
            if self._done < self._total and not ended:
                parts.append(f"about {duration_text((self._total - self._done) / rate)} left")
        print(f"{time.strftime('%H:%M:%S')} {self._task}: {', '.join(parts)}", file=self._stream, flush=True)
        self._written = True


@contextmanager
def task_progress(task: str, *, quiet: bool = False, interval: float = INTERVAL) -> Iterator[Report]:
    """Shows how much of one task is done: a bar in a terminal, elsewhere a line a minute on stderr.

    Yields a function that takes what is done, the total, and a note on request. quiet: show nothing.
    """
    if quiet or _silent.get():
        yield lambda done, total, note="": None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True)) as bars:
            bar = bars.add_task(task, total=None)
            yield lambda done, total, note="": bars.update(
                bar, completed=done, total=total, description=f"{task} {note}".rstrip()
            )
    else:
        with ProgressLines(interval=interval) as lines:
            lines.begin_stage(task, 0, 0)
            yield lines.report


@contextmanager
def without_progress() -> Iterator[None]:
    """Shows no progress of what is done inside."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)


def is_silent() -> bool:
    """Whether no progress is to be shown at present."""
    return _silent.get()


def print_step(step: str) -> None:
    """Prints a step on the standard error, where progress goes."""
    print(step, file=sys.stderr, flush=True)


@contextmanager
def step_progress(
    show: Callable[[str], None] = print_step, *, interval: float = INTERVAL
) -> Iterator[Callable[[str], None]]:
    """Shows the steps of work that does not count its items: each as it begins, and a line a minute while it lasts.

    Yields a function that takes what begins now. show: prints a line about it.
    """
    if _silent.get():
        yield lambda step: None
        return
    with ProgressLines(interval=interval) as lines:

        def begin(step: str) -> None:
            lines.end_task()
            show(step)
            lines.begin_stage(step, 0, 0)

        yield begin
