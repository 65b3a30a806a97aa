"""What every engine has in common: the batches it is given, the workers it makes, the results it returns.

Each engine has a module of its own beside this one. Only the standard library is imported here, because a worker
process imports this module before it has set its environment.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nvfair_tools.errors import user_message
from nvfair_tools.pipeline.items import ItemResult, failed

# The end of a tool's log that a result's detail quotes.
_LOG_LINES, _LOG_LENGTH = 4, 500


@dataclass(frozen=True)
class Batch:
    """Items that share work: `shared` is prepared once, then each of `items` (id, payload) is run, in order."""

    items: tuple[tuple[str, Any], ...]
    shared: Any = None


class StageWorker(Protocol):
    """The work of a stage inside one process; an engine makes one worker in each of its processes."""

    def prepare(self, shared: Any) -> Any:
        """Does the work that a batch's items share; the returned value is passed to `run` with each item."""
        ...

    def run(self, prepared: Any, payload: Any) -> ItemResult:
        """Does the work of one item. An exception becomes a failed result (see `failure_result`)."""
        ...


def close_worker(worker: Any) -> None:
    """Ends a worker of this process: one that holds models has a method `close`, which frees them."""
    close = getattr(worker, "close", None)
    if close is not None:
        close()


class Engine(Protocol):
    """The place where a stage's items run: this process, other processes, other machines."""

    def run(
        self, factory: Callable[[], StageWorker], batches: Iterable[Batch], *, time_limit: float
    ) -> Iterator[tuple[str, ItemResult]]:
        """Yields (id, result) of every item, in the order in which they end.

        factory: picklable; called once a worker. time_limit: seconds for one item, and for the work a batch shares.
        Raises what the factory raises. Closing the iterator stops the workers.
        """
        ...


def failure_result(error: BaseException) -> ItemResult:
    """Makes the failed result that stands for an exception raised by an item.

    An error that names its `cause` or `reason` (MediaError, GapTooLong) keeps it; one with the `log` of a tool quotes
    its end. A mistake in the input is final. I/O, memory, encoder and unexpected errors are retryable, and what says so
    of itself (`is_retryable`): the machine may have recovered, or a later release may have corrected the code.
    """
    is_user_error = user_message(error) is not None
    detail = _first_line(getattr(error, "what", None) or str(error) or type(error).__name__)
    if log := getattr(error, "log", ""):
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        detail += f"; it printed last: {' / '.join(lines[-_LOG_LINES:])[-_LOG_LENGTH:]}"
    cause = getattr(error, "cause", None) or getattr(error, "reason", None)
    if is_user_error and isinstance(cause, str):
        remedy = getattr(error, "remedy", "")
        detail = detail.removeprefix(f"{cause}: ") + (f"; to fix it: {remedy}" if remedy else "")
        return failed(cause, detail, retryable=getattr(error, "is_retryable", cause == "not_encoded"))
    if is_user_error:
        return failed("unusable_input", detail, retryable=False)
    if isinstance(error, MemoryError):
        return failed("out_of_memory", detail, retryable=True)
    if isinstance(error, OSError):
        return failed("io_error", f"{type(error).__name__}: {error.strerror or detail}", retryable=True)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return failed("unexpected_error", f"{type(error).__name__}: {detail}{place}", retryable=True)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
