"""Names of people across data sets: an identity is `namespace:id`, so names alone decide whether data sets overlap.

`COLLECTIONS` is the one table of the spellings under which people of known collections appear in file names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nvfair_tools.errors import NvfairError

_IDENTITY_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]*:[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Collection:
    """A collection whose people appear in file names under several spellings.

    source: NVFAIR's name of the collection. alias_pattern: regular expression of a whole name, whose group is the id.
    id_pattern: regular expression of the id alone. alias_formats: format strings that make the spellings from an id.
    """

    namespace: str
    source: str
    alias_pattern: str
    id_pattern: str
    alias_formats: tuple[str, ...]


# A name alone decides its collection. The exception is RAVDESS's "01": only a folder's name or "Actor_" shows it.
COLLECTIONS = (
    Collection("cremad", "CREMA-D", r"C?(1\d{3})", r"1\d{3}", ("{}", "C{}")),
    Collection("ravdess", "RAVDESS", r"Actor_(\d{2})", r"\d{2}", ("Actor_{}",)),
    Collection("nvidia-vc", "NVIDIA-VC-subset", r"(id\d{3})", r"id\d{3}", ("{}",)),
)


def parse_identity(text: str, *, where: object = "") -> str:
    """Returns `text` where it is a valid `namespace:id`; raises NvfairError otherwise."""
    if not _IDENTITY_PATTERN.fullmatch(text):
        raise NvfairError(
            f"identity {text!r} is not of the form namespace:id",
            where=where,
            expected="a lower-case namespace, a colon, an id of letters, digits, '_', '.', '-', such as 'cremad:1001'",
            remedy="name the collection first; the namespace keeps equal ids of different collections apart",
        )
    return text


def collection_namespace(source: str) -> str | None:
    """The namespace of the collection that NVFAIR calls `source` ("CREMA-D"); None for an unknown name."""
    return next((collection.namespace for collection in COLLECTIONS if collection.source == source), None)


def resolve_alias(name: str, namespace: str | None = None) -> str | None:
    """The identity `namespace:id` of a person's name in a known collection; None for an unknown name.

    name: a spelling in use ("C1001", "1001", "Actor_01", "id001"). namespace: the collection, where the caller knows
    it; "01" is then also accepted for RAVDESS.
    """
    for collection in COLLECTIONS:
        if namespace not in (None, collection.namespace):
            continue
        if match := re.fullmatch(collection.alias_pattern, name, re.ASCII):
            return f"{collection.namespace}:{match[1]}"
        if namespace is not None and re.fullmatch(collection.id_pattern, name, re.ASCII):
            return f"{namespace}:{name}"
    return None


def identity_aliases(identity: str) -> tuple[str, ...]:
    """The spellings in use of a person of a known collection; empty for other people."""
    namespace, _, id = identity.partition(":")
    return tuple(
        alias_format.format(id)
        for collection in COLLECTIONS
        if collection.namespace == namespace
        for alias_format in collection.alias_formats
    )


def identity_file_name(identity: str) -> str:
    """An identity as part of a file name: '_' replaces the colon, which some file systems forbid."""
    return identity.replace(":", "_")


def is_reserved_name(name: str) -> bool:
    """Whether Windows keeps a file's name for a device ("con", "NUL.mp4"): no such file can be made there."""
    return re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE | re.ASCII) is not None
