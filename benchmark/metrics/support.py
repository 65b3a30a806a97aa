"""Whether trials can support a rate at a low false match rate.

The rule, stated once: at least 10 / FMR impostor trials, so that the threshold rests on ten false matches or more
(fewer, and the rate's own relative error is above a third), and at least 1 / FMR different pairs of people among the
impostor trials, because trials of one pair of people repeat each other. Doddington's rule of 30 (1998) asks for 30
errors; ten is what figures may be shown by, and a reader who wants 30 has the counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nvfair_tools.errors import NvfairError

FALSE_MATCHES = 10


@dataclass(frozen=True)
class Support:
    """impostors: trials; pairs: different pairs of people among them. reason: what is missing, "" where nothing is."""

    supported: bool
    impostors: int
    pairs: int
    reason: str = ""


def support(impostors: int, pairs: int, target: float) -> Support:
    """Whether `impostors` trials over `pairs` different pairs of people support a figure at FMR <= `target`."""
    if not 0 < target <= 1:
        raise NvfairError(f"FMR target {target} is not a rate", expected="a number above 0, at most 1")
    # A hair of tolerance: 10 / 0.1 must be 100, whatever binary fractions make of it.
    need, people = math.ceil(FALSE_MATCHES / target - 1e-6), math.ceil(1 / target - 1e-6)
    if impostors < need:
        return Support(False, impostors, pairs, f"{impostors} impostor trials, at least {need} are needed")
    if pairs < people:
        return Support(False, impostors, pairs, f"{pairs} different pairs of people, at least {people} are needed")
    return Support(True, impostors, pairs)
