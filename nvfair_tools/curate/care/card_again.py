"""Writing the card of a finished data set anew, after a curator has changed what it tells of."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from nvfair_tools.curate.care.card_source import is_of_card, write_card_to
from nvfair_tools.dataset.checking.tables import row_faults
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.repairing.record import RECORD, TABLES, whole_record
from nvfair_tools.dataset.writer import meta_text, sealed
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of, write_text
from nvfair_tools.pipeline.workspace import Workspace


def rewrite_card(folder: str | Path, edited: Collection[str] = ()) -> list[str]:
    """Writes card, plots and metadata of the data set in `folder` from its tables, and their hashes into dataset.json;
    returns the paths that are new or have changed, relative to the folder.

    edited: files that were changed on purpose, such as consent.parquet; their new hashes are recorded too. Raises
    Problems where any other file is not as dataset.json names it: a card must not vouch for damage. Parts, videos and
    portraits are not read. Raises NvfairError where the set is unfinished or damaged, or a build is at work in it.
    """
    folder = Path(folder)
    record = whole_record(folder / RECORD)
    if record is None:
        raise NvfairError(
            f"no {RECORD} here that is as it was written",
            where=folder,
            remedy=f"nvfair dataset repair {folder}; or finish the build",
        )
    with Workspace(folder).locked():
        hashes = _present_hashes(folder, record, edited)
        content = {**record, "files": {**record["files"], **hashes}}
        dataset = Dataset.open(folder)
        content["counts"] = {"identities": len(dataset.identities), "videos": len(dataset.videos)}
        if faults := list(row_faults(content, dataset.identities, dataset.videos)):
            raise Problems(folder, [str(fault) for fault in faults], remedy="correct the tables that were edited")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".card-") as scratch:
            paths = write_card_to(Path(scratch), folder, content)
            names = {path.relative_to(scratch).as_posix(): sha256_of(path) for path in paths}
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(scratch) / name, folder / name)
        changed = {name for name, digest in {**names, **hashes}.items() if record["files"].get(name) != digest}
        content["files"] |= names
        write_text(folder / RECORD, meta_text(sealed(content)))
    return sorted(changed)


def _present_hashes(folder: Path, record: Mapping[str, Any], edited: Collection[str]) -> dict[str, str]:
    """{path: SHA-256} of the tables and other small files as they are now. Raises Problems where one that was not
    edited is not as recorded."""
    problems = [f"{name} is not a file of this data set" for name in edited if not (folder / name).is_file()]
    problems += [
        f"{name} is a part, which is not edited: build it again" for name in edited if name.startswith("frames/")
    ]
    problems += [f"{name} is what is written anew" for name in edited if is_of_card(name)]
    hashes: dict[str, str] = {}
    for name in sorted({*record["files"], *edited}):
        if is_of_card(name) or (name.startswith(("frames/", "portraits/")) and name not in edited):
            continue
        present = sha256_of(folder / name) if (folder / name).is_file() else ""
        if present != record["files"].get(name) and name not in edited:
            state = "is not as it was recorded" if present else "is missing"
            problems.append(f"{name} {state}; where you edited it yourself, say so: --edited {name}")
        hashes[name] = present
    if missing := [name for name in TABLES if name not in record["files"]]:
        problems.append(f"{RECORD} does not name {' and '.join(missing)}")
    if problems:
        raise Problems(folder, problems, remedy=f"nvfair dataset repair {folder} where nobody edited them")
    return hashes
