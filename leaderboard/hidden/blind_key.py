"""The key of a blind copy says which of its videos is which of the hidden set's. It stays with the board."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, sha256_of
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json

KEY_VERSION = 1
# The key's name in the folder of the hidden set, where a board looks for it.
KEY_FILE = "blind-key.json"


@dataclass(frozen=True)
class BlindKey:
    """The names in a blind copy of the videos of a hidden set.

    data: sha256 of dataset.json of the hidden set. names: {video id: name in the copy}.
    """

    data: str
    names: Mapping[str, str]


def write_key(path: Path, key: BlindKey) -> None:
    """Writes a key to a file that only its owner can read."""
    content = {"format_version": KEY_VERSION, "data": key.data, "names": dict(sorted(key.names.items()))}
    with atomic_output(path) as unfinished:
        os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))  # never readable by others, not for a moment
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_key(path: Path) -> BlindKey:
    """Reads a key. Raises NvfairError where the file is absent or no key."""
    try:
        content = load_unique_json(path.read_bytes())
        version, data, names = content["format_version"], content["data"], content["names"]
        is_valid = version == KEY_VERSION and len(set(names.values())) == len(names)
    except FileNotFoundError as error:
        raise NvfairError(
            "there is no such key", where=path, remedy="make it with the blind copy: nvfair dataset blind"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NvfairError(f"not a key of a blind copy: {error}", where=path) from error
    if not is_valid:
        raise NvfairError(
            f"not a key of a blind copy: version {version}, {count_text(len(names), 'video')} with "
            f"{count_text(len(set(names.values())), 'name')}",
            where=path,
            expected=f"version {KEY_VERSION}, and another name for each video",
        )
    return BlindKey(data, names)


def blind_names(dataset: Dataset) -> Mapping[str, str] | None:
    """The names in the blind copy, {video id: name}, by the key in the data set's folder; None where there is no key.

    A data set without a key is not hidden. Raises NvfairError where the key is of other data, because videos would get
    the labels of others.
    """
    path = dataset.folder / KEY_FILE
    if not path.exists():
        return None
    key = read_key(path)
    before = dataset.meta.get("upgraded_from", {}).get("sha256")  # the same videos, in an earlier format
    if key.data not in (sha256_of(dataset.folder / "dataset.json"), before):
        raise NvfairError(
            "this key is of another data set, or of this one before it was built again",
            where=path,
            remedy="make the blind copy again: nvfair dataset blind",
        )
    return key.names
