"""Computing the ids of millions of items that differ in a few strings, and holding them in ten bytes each.

Legend: N items.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from nvfair_tools.pipeline.items import ID_DIGITS, item_text

ID_BYTES = ID_DIGITS // 2
ID_TYPE = f"S{ID_BYTES}"  # the dtype of an array of ids; all have full length, so that they compare as bytes do

# Stands for a string that differs from item to item; no text of a user holds it.
_SLOT = "2f0c1c5b-slot-8d6e-{}-of-an-item-id-template"
_SLOT_PATTERN = re.compile(re.escape(_SLOT).replace(r"\{\}", r"(\d+)").encode())


def slot(number: int) -> str:
    """The place of the string with this number in the determinants of an `IdTemplate`."""
    return _SLOT.format(number)


class IdTemplate:
    """The ids of items of a `kind` whose determinants are equal but for strings at their `slot`s.

    determinants: those of `item_id`; their strings hold slots wherever an item's own strings belong, in keys nowhere.
    """

    def __init__(self, kind: str, **determinants: Any) -> None:
        literals = _SLOT_PATTERN.split(item_text(kind, **determinants))
        # Literals and slot numbers take turns; what stands before the first slot is hashed once.
        self._state = hashlib.sha256(literals[0])
        self._order = [int(number) for number in literals[1::2]]
        self._tail = b"".join(b"%b" + literal.replace(b"%", b"%%") for literal in literals[2::2])

    def arguments(self, *strings: str) -> tuple[bytes, ...]:
        """An item's strings, by slot, in the form that `ids` takes: made once where items share them."""
        escaped = [json.dumps(string, ensure_ascii=True)[1:-1].encode() for string in strings]
        return tuple(escaped[number] for number in self._order)

    def ids(self, arguments: Iterable[tuple[bytes, ...]]) -> np.ndarray:
        """The ids (N,) of the items with these arguments, as `item_id` gives them."""
        begun, tail = self._state, self._tail
        digests = []
        for values in arguments:
            state = begun.copy()
            state.update(tail % values)
            digests.append(state.digest())
        whole = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, hashlib.sha256().digest_size)
        return np.ascontiguousarray(whole[:, :ID_BYTES]).view(ID_TYPE).reshape(-1)


def pack_ids(ids: Iterable[str]) -> np.ndarray:
    """Ids (N,) in ten bytes each, from their digits. Raises ValueError for text that is no id."""
    content = bytes.fromhex("".join(ids))
    if len(content) % ID_BYTES:
        raise ValueError("an id has another number of digits")
    return np.frombuffer(content, ID_TYPE)


def id_text(ids: np.ndarray) -> list[str]:
    """The digits of packed ids."""
    digits = np.ascontiguousarray(ids).tobytes().hex()
    return [digits[start : start + ID_DIGITS] for start in range(0, len(digits), ID_DIGITS)]
