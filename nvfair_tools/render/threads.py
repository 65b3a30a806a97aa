"""The threads that generators may use in this process."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def limited_threads(count: int) -> AbstractContextManager[None]:
    """Lets network generators use `count` threads of the CPU within the block; without torch there are none."""
    try:
        from generators.device import limited_threads
    except ImportError:
        return nullcontext()
    return limited_threads(count)
