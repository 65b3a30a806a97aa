"""The files of a checkpoint: whether they are whole, and whether it is out of use. Needs no torch.

A checkpoint that has seen a person who has withdrawn is put out of use, because what the weights learned cannot be
taken out of them. The curator's choice is recorded: to train again without the person, or to delete it. The record that
stays says "revoked:..." in place of the person's name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from benchmark.pretrained import checkpoint_folder
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of, write_text
from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.unique_keys import load_unique_json

RECORD_FILE, WEIGHTS_FILE, STATE_FILE = "checkpoint.json", "weights.safetensors", "state.pt"
QUARANTINE_FILE = "quarantine.json"
CHECKPOINT_VERSION = 2
_SUFFIX = ".quarantined"
_ROLES = ("training", "selection", "thresholds", "cohorts")

Choice = Literal["retrain", "delete"]


def read_record(folder: str | Path) -> dict[str, Any]:
    """Reads the record of a checkpoint.

    folder: the folder of the checkpoint, or `pretrained:NAME` for one that ships with the package. Raises NvfairError
    where it is absent, damaged, out of use or of another version.
    """
    folder = checkpoint_folder(folder)
    path = folder / RECORD_FILE
    try:
        record = load_unique_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        if (folder / QUARANTINE_FILE).is_file():
            raise NvfairError(
                "this checkpoint has seen a person who has withdrawn, and is out of use",
                where=folder / QUARANTINE_FILE,
                remedy="train again in another folder, on the data set without the person; then delete this folder",
            ) from error
        raise NvfairError(
            "no checkpoint.json here, so this is not a finished checkpoint",
            where=folder,
            remedy="name the folder that `nvfair train` wrote, or run the same training again to finish it",
        ) from error
    except ValueError as error:
        raise NvfairError(
            f"not valid JSON: {error}", where=path, remedy="copy or train the checkpoint again"
        ) from error
    version = record.get("format_version")
    if version not in (1, CHECKPOINT_VERSION):
        raise NvfairError(f"format version {version!r}", where=path, expected=f"version {CHECKPOINT_VERSION}")
    return record


def check_weights_file(record: dict[str, Any], folder: Path) -> Path:
    """The weights' file. Raises NvfairError where it is absent, or has another hash than its record says."""
    weights = folder / WEIGHTS_FILE
    if not weights.is_file() or sha256_of(weights) != record["weights_sha256"]:
        raise NvfairError("the weights are not those that the record names", where=weights, remedy="copy it again")
    return weights


def pseudonym(key: CuratorKey, identity: str) -> str:
    """The name by which declarations call a person who has withdrawn: `revoked:` and a keyed digest."""
    return f"revoked:{key.digest('declared', identity)[:12]}"


def seen_people(record: dict[str, Any]) -> set[str]:
    """Everybody whom the training, selection, thresholds or cohorts of a checkpoint have seen, by its record."""
    people: set[str] = set()
    for role in ("train", "validation"):
        for names in record.get("people", {}).get(role, {}).values():
            people |= set(names)
    for role in _ROLES:
        names = record.get("declaration", {}).get(role, {}).get("people", ())
        people |= set(names) if not isinstance(names, str) else set()
    return people


def has_seen(folder: Path, identity: str) -> bool:
    """Whether the checkpoint in a folder has seen a person; False where there is no readable record."""
    try:
        record = load_unique_json((folder / RECORD_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and identity in seen_people(record)


def quarantine(folder: Path, identity: str, name: str, choice: Choice, date: str) -> None:
    """Puts a checkpoint out of use. name: stands in its record for the person. choice: of the curator; "delete" deletes
    weights and training state, "retrain" keeps them under other names until they have been replaced."""
    record = (folder / RECORD_FILE).read_text(encoding="utf-8")
    content = {
        "about": "this checkpoint has seen one revoked person; it is out of use",
        "choice": choice,
        "date": date,
        "record": json.loads(record.replace(json.dumps(identity), json.dumps(name))),
    }
    write_text(folder / QUARANTINE_FILE, json.dumps(content, indent=1, sort_keys=True) + "\n")
    for file in (WEIGHTS_FILE, STATE_FILE):
        path = folder / file
        if choice == "delete":
            path.unlink(missing_ok=True)
            path.with_name(path.name + _SUFFIX).unlink(missing_ok=True)
        elif path.exists():
            path.replace(path.with_name(path.name + _SUFFIX))
    (folder / RECORD_FILE).unlink()
