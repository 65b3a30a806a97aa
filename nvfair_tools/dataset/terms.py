"""What the licences and permitted uses of a data set's videos forbid: conditions add up, and the strictest wins."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nvfair_tools.governance.declared import NO_DISPLAY, NO_PUBLICATION, forbids_display, forbids_publication

__all__ = ["NO_DISPLAY", "NO_PUBLICATION", "forbids_display", "forbids_publication", "strictest_terms"]

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
