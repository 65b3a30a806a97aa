"""What the licences and permitted uses of a data set's videos forbid: conditions add up, and the strictest wins."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Words in `permitted_use` that forbid to show a picture, and to pass files on.
NO_DISPLAY, NO_PUBLICATION = "no display", "no publication"
_LIMITS = {
    "not for commercial use": re.compile(r"\bBY-NC|non-?commercial", re.IGNORECASE),
    "what is made from it keeps the licence CC BY-NC-SA": re.compile(r"\bBY-NC-SA\b", re.IGNORECASE),
    "a derived database that is published keeps the licence ODbL": re.compile(r"\bODbL\b", re.IGNORECASE),
    "no picture of it is shown": re.compile(NO_DISPLAY, re.IGNORECASE),
    "it is not passed on": re.compile(NO_PUBLICATION, re.IGNORECASE),
}


def strictest_terms(texts: Iterable[str]) -> list[str]:
    """Returns what the known words of licences and permitted uses forbid, all of them together, in sentences."""
    distinct = set(texts)
    return [limit for limit, pattern in _LIMITS.items() if any(pattern.search(text) for text in distinct)]


def forbids_display(permitted_use: str) -> bool:
    """Whether no picture of a video with this permitted use may be shown."""
    return NO_DISPLAY in permitted_use.casefold()


def forbids_publication(permitted_use: str) -> bool:
    """Whether a video with this permitted use may not be passed on."""
    return NO_PUBLICATION in permitted_use.casefold()
