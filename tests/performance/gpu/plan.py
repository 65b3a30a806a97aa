"""The parts of `make gpu`, in the order of their worth, each with its time limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Seconds for everything: what begins later is skipped, what still runs is stopped.
WHOLE = 300.0


@dataclass(frozen=True)
class Part:
    """One part: a process of its own.

    name: what PARTS takes. group: what PARTS takes for several at once. module: of this package; its `run` yields one
    dict a measurement. seconds: its limit. about: the network it is about, where the module serves several.
    """

    name: str
    group: str
    module: str
    seconds: float
    about: str = ""


PARTS = (
    Part("rates", "rates", "rates", 15),
    Part("rendering", "rendering", "rendering", 115),
    Part("goldens", "goldens", "goldens", 45),
    Part("training", "training", "training", 35),
    Part("scoring", "scoring", "scoring", 25),
    Part("resuming", "resuming", "resuming", 25),
    Part("tests", "tests", "cuda_tests", 40),
)
# Run where time is left, or where it is asked for by name.
OPTIONAL = (Part("compiled", "compiled", "compiled", 60),)


def chosen(words: Sequence[str]) -> list[Part]:
    """The parts that names or groups ask for, in their own order; all for none. Raises ValueError for other words."""
    everything = [*PARTS, *OPTIONAL]
    known = {part.name for part in everything} | {part.group for part in everything}
    unknown = sorted(set(words) - known)
    if unknown:
        raise ValueError(f"PARTS names {unknown}; there are {sorted(known)}")
    return [part for part in everything if not words or part.name in words or part.group in words]
