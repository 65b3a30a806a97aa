"""Identities are `namespace:id`, so that overlap between data sets is decided on these names alone.

The one table of the spellings in which known collections' people appear in other people's file names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nvfair_tools.errors import NvfairError

_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]*:[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Collection:
    """A collection whose people appear under several spellings.

    source: what NVFAIR calls it; spelling: a whole-name pattern whose group is our id; bare: what our id looks like;
    written: formats of the spellings in use, from our id.
    """

    namespace: str
    source: str
    spelling: str
    bare: str
    written: tuple[str, ...]


# An id alone says which collection it belongs to, but for RAVDESS's "01", which only its folder or "Actor_" tells.
COLLECTIONS = (
    Collection("cremad", "CREMA-D", r"C?(1\d{3})", r"1\d{3}", ("{}", "C{}")),
    Collection("ravdess", "RAVDESS", r"Actor_(\d{2})", r"\d{2}", ("Actor_{}",)),
    Collection("nvidia-vc", "NVIDIA-VC-subset", r"(id\d{3})", r"id\d{3}", ("{}",)),
)


def parse_identity(text: str, *, where: object = "") -> str:
    """`text` itself when it is a valid `namespace:id`; raises NvfairError otherwise."""
    if not _PATTERN.fullmatch(text):
        raise NvfairError(
            f"identity {text!r} is not of the form namespace:id",
            where=where,
            expected="a lower-case namespace, a colon, an id of letters, digits, '_', '.', '-', such as 'cremad:1001'",
            remedy="name the collection first; the namespace keeps equal ids of different collections apart",
        )
    return text


def collection_namespace(source: str) -> str | None:
    """The namespace of a collection by NVFAIR's name of it ("CREMA-D"); None for a name that is not known."""
    return next((one.namespace for one in COLLECTIONS if one.source == source), None)


def resolve_alias(name: str, namespace: str | None = None) -> str | None:
    """`namespace:id` of a spelling in use ("C1001", "1001", "Actor_01", "id001"); None where there is none.

    namespace: the collection it must belong to, where that is known; "01" is then a spelling of RAVDESS's too.
    """
    for one in COLLECTIONS:
        if namespace not in (None, one.namespace):
            continue
        if found := re.fullmatch(one.spelling, name, re.ASCII):
            return f"{one.namespace}:{found[1]}"
        if namespace is not None and re.fullmatch(one.bare, name, re.ASCII):
            return f"{namespace}:{name}"
    return None


def identity_aliases(identity: str) -> tuple[str, ...]:
    """The spellings in use of a person of a known collection; none for others."""
    namespace, _, id = identity.partition(":")
    return tuple(form.format(id) for one in COLLECTIONS if one.namespace == namespace for form in one.written)


def identity_file_name(identity: str) -> str:
    """An identity as part of a file name: the colon, which some file systems forbid, becomes '_'."""
    return identity.replace(":", "_")
