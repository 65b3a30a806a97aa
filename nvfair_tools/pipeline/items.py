"""Items: what a stage works on. An item's id says what determines it; its result says how it ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "rejected", "failed"]
ID_DIGITS = 20  # 80 bits: a collision among a million items has a chance of about 4e-13


def item_id(kind: str, **determinants: Any) -> str:
    """Id of an item of `kind`: a hash of everything that determines it.

    determinants: JSON values: hashes of inputs, parameters and the stage's own algorithm version. Versions of
    installed packages do not belong here (an upgrade must not render a data set anew); they are recorded elsewhere.
    Raises TypeError for a value that JSON has no form for, ValueError for NaN and infinity.
    """
    text = json.dumps([kind, determinants], sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True)
class ItemResult:
    """How an item ended.

    state: "ok"; "rejected" by policy; or "failed". reason: one word that can be counted, "" where ok.
    detail: the reason in words; no times and no machine's paths, because it is stored in the data set.
    retryable: whether running again may end otherwise. facts: what later stages need, as JSON values.
    """

    state: State
    reason: str = ""
    detail: str = ""
    retryable: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether running the item again would be in vain."""
        return not (self.state == "failed" and self.retryable)


def ok(**facts: Any) -> ItemResult:
    """An item that ended well, with what later stages need to know of it."""
    return ItemResult("ok", facts=facts)


def rejected(reason: str, detail: str = "", **facts: Any) -> ItemResult:
    """An item that a policy refuses."""
    return ItemResult("rejected", reason, detail, facts=facts)


def failed(reason: str, detail: str = "", *, retryable: bool) -> ItemResult:
    """An item that could not be finished."""
    return ItemResult("failed", reason, detail, retryable)
