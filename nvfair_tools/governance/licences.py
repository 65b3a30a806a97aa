"""Licences as data: what each permits for each use. One that is not known is a value of its own, which refuses.

`licences.csv` has one row a licence: its SPDX id (or a LicenseRef of ours), other names, and for each use "yes", "no",
"noncommercial" (research and education), "research", or "unknown". It says how this project reads a licence, which is
no legal advice; a recipe states what a licence of the curator's own permits (`rights: licences`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from nvfair_tools.governance.uses import USES, Purpose, Use

Permission = Literal["yes", "no", "noncommercial", "research", "unknown"]
_COVERED: Mapping[str, frozenset[str]] = {
    "yes": frozenset(("research", "education", "commercial")),
    "noncommercial": frozenset(("research", "education")),
    "research": frozenset(("research",)),
}


@dataclass(frozen=True)
class Licence:
    """A licence. id: its SPDX id, or "unknown". text: as it was written. permissions: in the order of USES."""

    id: str
    text: str
    permissions: tuple[Permission, ...]
    title: str = ""
    conditions: str = ""

    def permits(self, use: Use, purpose: Purpose) -> bool | None:
        """Whether it permits a use for a purpose; None where that is not known."""
        permission = self.permissions[USES.index(use)]
        return None if permission == "unknown" else purpose in _COVERED.get(permission, frozenset())


def unknown_licence(text: str) -> Licence:
    """The value for a licence of which nothing is known."""
    permissions: tuple[Permission, ...] = tuple("unknown" for _ in USES)
    return Licence("unknown", text, permissions)


def own_licence(text: str, uses: Collection[Use]) -> Licence:
    """A licence that a recipe describes by the uses that it permits, for the purpose of the recipe's set."""
    permissions: tuple[Permission, ...] = tuple("yes" if use in uses else "no" for use in USES)
    return Licence(text, text, permissions)


@lru_cache(maxsize=1)
def known_licences() -> Mapping[str, Licence]:
    """All known licences by SPDX id."""
    table = Path(__file__).with_name("licences.csv").read_text(encoding="utf-8")
    return {row["spdx"]: _licence_of_row(row) for row in csv.DictReader(table.splitlines())}


@lru_cache(maxsize=4096)
def read_licences(text: str) -> tuple[Licence, ...]:
    """The licences that a text names: SPDX ids or common spellings, joined by "+", ";" or "AND", all of which hold.

    A part that is no known licence is an unknown one; so is an empty text, and a choice ("MIT OR GPL-3.0-only").
    """
    by_name = _licences_by_name()
    if whole := by_name.get(_plain(text)):
        return (whole,)
    parts = [part.strip() for part in re.split(r"\s\+\s|;|\sAND\s", text)]
    return tuple(by_name.get(_plain(part)) or unknown_licence(part) for part in parts if part) or (unknown_licence(""),)


def licences_in(text: str, own: Mapping[str, Collection[Use]]) -> tuple[Licence, ...]:
    """The licences that a text names. own: {text: permitted uses} of those that the recipe describes."""
    if text in own:
        return (own_licence(text, own[text]),)
    return tuple(
        own_licence(licence.text, own[licence.text]) if licence.text in own else licence
        for licence in read_licences(text)
    )


@lru_cache(maxsize=1)
def _licences_by_name() -> Mapping[str, Licence]:
    table = Path(__file__).with_name("licences.csv").read_text(encoding="utf-8")
    names: dict[str, Licence] = {}
    for row in csv.DictReader(table.splitlines()):
        for name in (row["spdx"], row["title"], row["aliases"]):
            if name:
                names[_plain(name)] = known_licences()[row["spdx"]]
    return names


def _licence_of_row(row: Mapping[str, str]) -> Licence:
    permissions: tuple[Permission, ...] = tuple(row[use] for use in USES)  # type: ignore[misc]
    return Licence(row["spdx"], row["spdx"], permissions, row["title"], row["conditions"])


def _plain(name: str) -> str:
    """A licence's name without case, blanks and hyphens."""
    return re.sub(r"[\s_-]+", "", name.casefold())
