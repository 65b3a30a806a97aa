"""Counts, bytes, durations and rates as people say them."""

from __future__ import annotations

_PLURALS = {"person": "people"}


def count_text(count: int, noun: str, plural: str = "") -> str:
    """A number of things with its noun: "1 video", "1,234 videos", "2 test people", "0 entries".

    noun: the singular, whose last word is made plural where `count` is not 1. plural: the plural where it is not made
    so, as in "clip is" and "clips are", "row of a table" and "rows of a table".
    """
    return f"{count:,} {noun if count == 1 else plural or _plural(noun)}"


def _plural(noun: str) -> str:
    before, space, last = noun.rpartition(" ")
    if last in _PLURALS:
        last = _PLURALS[last]
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = f"{last[:-1]}ies"
    else:
        last += "es" if last.endswith(("s", "x", "z", "ch", "sh")) else "s"
    return before + space + last


def size_text(count: float) -> str:
    """A number of bytes, such as "1.2 GB", "784 MB" or "3 kB"."""
    if count >= 0.95e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 0.95e6 else f"{count / 1e3:.0f} kB"


def duration_text(seconds: float) -> str:
    """A duration in the largest unit that says it well: "40 s", "12 min", "3.5 h", "1,250 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5970:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 99.95 * 3600 else f"{seconds / 3600:,.0f} h"


def rate_text(rate: float) -> str:
    """Items a second: "3,200 a second", "0.46 a second"."""
    return f"{rate:,.0f} a second" if rate >= 100 else f"{rate:.2g} a second"
