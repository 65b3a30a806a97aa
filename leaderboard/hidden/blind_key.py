"""The key of a blind copy: which of its videos is which. It stays with the board."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of, write_text

KEY_VERSION = 1
# Beside dataset.json of the hidden set; a board finds it there.
KEY_FILE = "blind-key.json"


@dataclass(frozen=True)
class BlindKey:
    """data: sha256 of dataset.json of the set that was copied. names: {its video id: name in the copy}."""

    data: str
    names: Mapping[str, str]


def write_key(path: Path, key: BlindKey) -> None:
    """Writes a key, readable by its owner alone."""
    content = {"format_version": KEY_VERSION, "data": key.data, "names": dict(sorted(key.names.items()))}
    write_text(path, json.dumps(content, indent=1) + "\n")
    path.chmod(0o600)


def read_key(path: Path) -> BlindKey:
    """Reads a key; raises NvfairError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version, data, names = content["format_version"], content["data"], content["names"]
        good = version == KEY_VERSION and len(set(names.values())) == len(names)
    except FileNotFoundError as error:
        raise NvfairError("no such key", where=path) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NvfairError(f"not a key of a blind copy: {error}", where=path) from error
    if not good:
        raise NvfairError(
            f"not a key of a blind copy, version {KEY_VERSION}, in which every name is another", where=path
        )
    return BlindKey(data, names)


def blind_names(dataset: Dataset) -> Mapping[str, str] | None:
    """The names of the key that lies beside a data set; None where there is none: the set is not hidden.

    Raises NvfairError where the key is of other data: the labels would be another's.
    """
    path = dataset.folder / KEY_FILE
    if not path.exists():
        return None
    key = read_key(path)
    if key.data != sha256_of(dataset.folder / "dataset.json"):
        raise NvfairError(
            "this key is of another data set, or of this one before it was built again",
            where=path,
            remedy="make the blind copy again: nvfair dataset blind",
        )
    return key.names
