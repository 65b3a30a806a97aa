"""The record of a data set, dataset.json: whether it is as it was written, and which one a damaged set had."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nvfair_tools.dataset.schema import CONTENT_MARK
from nvfair_tools.dataset.writer import SEAL, content_digest, meta_text, sealed
from nvfair_tools.files import sha256_of
from nvfair_tools.unique_keys import load_unique_json

RECORD = "dataset.json"
TABLES = ("identities.parquet", "videos.parquet")


def whole_record(path: Path) -> dict[str, Any] | None:
    """The content of a dataset.json that agrees with its own hash; None for any other file."""
    try:
        text = path.read_bytes()
        record = load_unique_json(text)
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or SEAL not in record or not isinstance(record.get("files"), dict):
        return None
    return record if meta_text(sealed(record)).encode() == text else None


def evidence_of(folder: Path, record: Mapping[str, Any]) -> str:
    """What in a damaged data set proves that this was its record, in words; "" where nothing does.

    Proof is the record's own hash in what is left of the damaged one, the digest of its tables and parts in the card,
    or both tables as the record names them.
    """
    if str(record[SEAL]).encode() in _bytes_of(folder / RECORD):
        return f"what is left of {RECORD} has its hash"
    digests = re.findall(rb"%b([0-9a-f]{64})" % CONTENT_MARK.encode(), _bytes_of(folder / "README.md"))
    if content_digest(record["files"]).encode() in digests:
        return "the card names its content"
    if all(_is_file(folder / name, record["files"].get(name)) for name in TABLES):
        return "both tables are those that it names"
    return ""


def _is_file(path: Path, digest: object) -> bool:
    return path.is_file() and sha256_of(path) == digest


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
