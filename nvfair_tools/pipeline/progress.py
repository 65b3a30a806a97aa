"""What a build shows while it works: one bar a stage, or nothing."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from nvfair_tools.pipeline.items import ItemResult


class Reporter(Protocol):
    """Told what happens."""

    def begin(self, stage: str, total: int, done: int) -> None:
        """A stage of `total` items begins; `done` of them were finished by an earlier run."""
        ...

    def item(self, result: ItemResult) -> None:
        """An item of the present stage has ended."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, stage: str, total: int, done: int) -> None:
        """See Reporter."""

    def item(self, result: ItemResult) -> None:
        """See Reporter."""


class Bars:
    """One progress bar a stage, with what was not ok counted beside it. Use as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console or Console(stderr=True),
        )
        self._task: TaskID | None = None
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, stage: str, total: int, done: int) -> None:
        """See Reporter."""
        self._counts.clear()
        self._task = self._progress.add_task(stage, total=total, completed=done, note="")

    def item(self, result: ItemResult) -> None:
        """See Reporter."""
        assert self._task is not None
        if result.state != "ok":
            self._counts[result.reason] += 1
        note = ", ".join(f"{count} {reason}" for reason, count in sorted(self._counts.items()))
        self._progress.update(self._task, advance=1, note=note)
