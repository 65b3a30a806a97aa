"""Identities are `namespace:id`, so that overlap between data sets is decided on these names alone."""

from __future__ import annotations

import re

from nvfair_tools.errors import NvfairError

_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]*:[A-Za-z0-9][A-Za-z0-9_.-]*")


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


def file_name(identity: str) -> str:
    """An identity as part of a file name: the colon, which some file systems forbid, becomes '_'."""
    return identity.replace(":", "_")
