"""Correcting a single wrong bit of a small file by its hash alone."""

from __future__ import annotations

import hashlib
import re

from nvfair_tools.dataset.writer import SEAL, meta_text, sealed
from nvfair_tools.unique_keys import load_unique_json

# Every bit is tried, so that the bytes hashed grow with the square of the length: 4 GiB, some seconds, at this one.
MOST_BYTES = 32 << 10
_ENTRY = re.compile(rb'\n "[^\n]*"(?=,?\n)')  # of the outermost level of dataset.json, a text on one line


def corrected(content: bytes, digest: str) -> bytes | None:
    """The content with the one bit changed that gives it this SHA-256; None where no single bit does, or where the
    content is longer than `MOST_BYTES`."""
    if len(content) > MOST_BYTES:
        return None
    before = hashlib.sha256()
    for place, byte in enumerate(content):
        rest = content[place + 1 :]
        for bit in range(8):
            changed = byte ^ (1 << bit)
            attempt = before.copy()
            attempt.update(bytes([changed]) + rest)
            if attempt.hexdigest() == digest:
                return content[:place] + bytes([changed]) + rest
        before.update(content[place : place + 1])
    return None


def corrected_record(content: bytes) -> bytes | None:
    """The content of a dataset.json with the one bit changed that makes it agree with its own hash; None where no
    single bit does.

    The hash is of the text without the entry that holds it: a wrong bit is either in that entry, which the other
    entries then give, or in the others, where the hash finds it.
    """
    for entry in _ENTRY.finditer(content):
        start, end = entry.span()
        if content[end : end + 1] == b",":
            end += 1
        elif content[start - 1 : start] == b",":
            start -= 1  # the last entry has a comma before it in place of one after it
        others = content[:start] + content[end:]
        if f'"{SEAL}"'.encode() in entry.group():
            digest = entry.group()[-65:-1].decode("ascii", "replace")
            if (whole := corrected(others, digest)) is not None:
                return _checked(whole[:start] + content[start:end] + whole[start:])
        if (attempt := _sealed_again(others)) is not None and _differing_bits(attempt, content) == 1:
            return attempt
    return _corrected_signs(content)


def _corrected_signs(content: bytes) -> bytes | None:
    """The content of a dataset.json in which one of the signs around the hash is wrong, corrected; else None."""
    name = content.find(SEAL.encode())
    if name < 0 or len(content) > MOST_BYTES:
        return None
    after_hash = name + len(SEAL) + len('": "') + 64
    for place in (
        *range(name - 4, name),
        *range(name + len(SEAL), name + len(SEAL) + 4),
        *range(after_hash, after_hash + 4),
    ):
        for bit in range(8):
            attempt = bytearray(content)
            if 0 <= place < len(attempt):
                attempt[place] ^= 1 << bit
                if _checked(bytes(attempt)) is not None:
                    return bytes(attempt)
    return None


def _checked(content: bytes) -> bytes | None:
    """The content where it is a dataset.json as it was written; else None."""
    return content if _sealed_again(content) == content else None


def _sealed_again(content: bytes) -> bytes | None:
    """The text of a dataset.json with these entries and their hash; None where they cannot be read."""
    try:
        record = load_unique_json(content)
    except ValueError:
        return None
    return meta_text(sealed(record)).encode() if isinstance(record, dict) else None


def _differing_bits(first: bytes, second: bytes) -> int:
    """How many bits two texts differ in; -1 where their lengths do."""
    if len(first) != len(second):
        return -1
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()
