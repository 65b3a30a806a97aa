"""Items are the units of work of a stage. An item's id is a hash of its inputs; its result records how it ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "rejected", "failed"]
ID_DIGITS = 20  # 80 bits: a collision among a million items has a chance of about 4e-13


def item_id(kind: str, **determinants: Any) -> str:
    """Computes the id of an item of `kind`: a hash of everything that determines its result.

    determinants: JSON values: hashes of inputs, parameters and the stage's own algorithm version. Versions of
    installed packages do not belong here (an upgrade must not render a data set anew); they are recorded elsewhere.
    Raises TypeError for a value that JSON has no form for, ValueError for NaN and infinity.
    """
    return hashlib.sha256(item_text(kind, **determinants)).hexdigest()[:ID_DIGITS]


def item_text(kind: str, **determinants: Any) -> bytes:
    """The text whose hash is an item's id: kind and determinants as JSON in one form. Raises what `item_id` raises."""
    text = json.dumps([kind, determinants], sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode()


@dataclass(frozen=True)
class ItemResult:
    """The state in which an item ended, with the reason and the facts that later stages need.

    state: "ok"; "rejected" by policy; or "failed". reason: one word that can be counted, "" where ok.
    detail: the reason in words, without times and without paths of this machine, because it is stored in the data set.
    retryable: whether another run may end differently. facts: JSON values for later stages.
    """

    state: State
    reason: str = ""
    detail: str = ""
    retryable: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether another run could not change the result."""
        return not (self.state == "failed" and self.retryable)


def ok(**facts: Any) -> ItemResult:
    """Makes the result of an item that succeeded. facts: JSON values for later stages."""
    return ItemResult("ok", facts=facts)


def rejected(reason: str, detail: str = "", **facts: Any) -> ItemResult:
    """Makes the result of an item that a policy refuses."""
    return ItemResult("rejected", reason, detail, facts=facts)


def failed(reason: str, detail: str = "", *, retryable: bool) -> ItemResult:
    """Makes the result of an item that could not be finished."""
    return ItemResult("failed", reason, detail, retryable)
