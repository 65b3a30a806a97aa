"""Showing the progress of a build: one bar a stage in a terminal or in a notebook, a line a minute elsewhere."""

from __future__ import annotations

import html
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

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
from nvfair_tools.pipeline.progress_lines import ProgressLines, is_silent

_NOTEBOOK_INTERVAL = 0.2  # seconds between two updates of a notebook's output


class Reporter(Protocol):
    """Receives the progress of stages. A reporter that is a context manager is entered while the stages run."""

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        """A stage of `total` items begins; `finished` of them were finished by an earlier run."""
        ...

    def end_item(self, result: ItemResult) -> None:
        """An item of the present stage has ended."""
        ...


def default_reporter() -> Reporter:
    """The reporter for this process: bars in a notebook or a terminal, a line a minute elsewhere, or none at all."""
    if is_silent():
        return Silent()
    if _notebook_display() is not None:
        return NotebookBars()
    return Bars() if sys.stderr.isatty() else ProgressLines()


class Silent:
    """Shows no progress at all."""

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        pass

    def end_item(self, result: ItemResult) -> None:
        pass


class Bars:
    """Shows one progress bar a stage in a terminal, with the number of items by reason where they did not end well."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description:18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[reasons]}"),
            console=console or Console(stderr=True, emoji=False),
        )
        self._task: TaskID | None = None
        self._reasons: Counter[str] = Counter()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        self._reasons.clear()
        self._task = self._progress.add_task(stage, total=total, completed=finished, reasons="")

    def end_item(self, result: ItemResult) -> None:
        assert self._task is not None
        if result.state != "ok":
            self._reasons[result.reason] += 1
        self._progress.update(self._task, advance=1, reasons=_reasons_text(self._reasons))


@dataclass
class _StageProgress:
    """How far a stage is. reasons: number of items by reason where they did not end well."""

    stage: str
    total: int
    finished: int
    reasons: Counter[str] = field(default_factory=Counter)

    def html_row(self) -> str:
        """One row of the table that a notebook shows."""
        bar = f'<progress max="{max(1, self.total)}" value="{self.finished if self.total else 1}"></progress>'
        cells = [
            html.escape(self.stage),
            bar,
            f"{self.finished}/{self.total}",
            html.escape(_reasons_text(self.reasons)),
        ]
        return "<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>"


class NotebookBars:
    """Shows one progress bar a stage below a notebook's cell, as one output that is updated in place.

    It needs only IPython; rich's own bars show nothing in a notebook where ipywidgets is not installed.
    """

    def __init__(self) -> None:
        self._stages: list[_StageProgress] = []
        self._handle: Any = None  # IPython's handle of the displayed output
        self._updated = 0.0

    def __enter__(self) -> NotebookBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._update()

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        self._stages.append(_StageProgress(stage, total, finished))
        self._update()

    def end_item(self, result: ItemResult) -> None:
        stage = self._stages[-1]
        stage.finished += 1
        if result.state != "ok":
            stage.reasons[result.reason] += 1
        if time.monotonic() - self._updated >= _NOTEBOOK_INTERVAL:
            self._update()

    def _update(self) -> None:
        display = _notebook_display()
        if display is None or not self._stages:
            return
        content = display.HTML("<table>" + "".join(stage.html_row() for stage in self._stages) + "</table>")
        if self._handle is None:
            self._handle = display.display(content, display_id=True)
        else:
            self._handle.update(content)
        self._updated = time.monotonic()


def _reasons_text(reasons: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def _notebook_display() -> Any:
    """The module IPython.display in a notebook's kernel; None elsewhere. A kernel has imported it long before."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return ipython.display if ipython is not None and hasattr(shell, "kernel") else None
