"""The folder that an export writes: whole files alone, continued after an interruption, its manifest last."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from nvfair_tools.dataset.exports.plan import PlannedFile
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import (
    atomic_output,
    existing_parent,
    make_folder,
    remove_partial_outputs,
    sha256_of,
    write_text,
)
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json

MANIFEST = "manifest.json"
_PLAN, _DONE = ".export.json", ".export.jsonl"  # of an export that is not finished


class ExportFolder:
    """The folder of one export.

    `what` says what is exported, as JSON values: data set, layout, options, videos. The same may be continued; nothing
    is added to another's files. `begin` comes before anything is written. Raises NvfairError where the folder holds
    anything else.
    """

    def __init__(self, folder: Path, what: Mapping[str, Any]) -> None:
        self.folder = folder
        self._digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
        self._check_empty_or_ours()
        self._done = {} if self.is_finished else self._read_done()

    def begin(self) -> None:
        """Makes the folder, and writes in it what it will hold. Raises NvfairError where it cannot be written in."""
        make_folder(self.folder)
        remove_partial_outputs(self.folder)
        if not (self.folder / _PLAN).exists():
            write_text(self.folder / _PLAN, json.dumps({"export": self._digest}) + "\n")
        if (self.folder / _DONE).exists():
            write_text(self.folder / _DONE, "".join(f"{json.dumps(entry)}\n" for entry in self._done.values()))

    @property
    def is_finished(self) -> bool:
        """Whether an earlier run has written all of it."""
        return (self.folder / MANIFEST).is_file()

    def waiting(self, files: tuple[PlannedFile, ...]) -> list[PlannedFile]:
        """The files that are not there yet. Raises NvfairError where the disk has no room for them."""
        waiting = [file for file in files if not self._is_done(file.path)]
        needed = sum(file.size for file in waiting)
        free = shutil.disk_usage(existing_parent(self.folder)).free
        if needed > free:
            raise NvfairError(
                f"no room for {count_text(len(waiting), 'file')} of {needed / 1e9:,.3f} GB: {free / 1e9:,.3f} GB are "
                "free",
                where=self.folder,
                remedy="make room, or name a folder on another disk",
            )
        return waiting

    def open_record(self) -> TextIO:
        """The record of the files that are written, to be closed by the caller."""
        return open(self.folder / _DONE, "a", encoding="utf-8")

    def write(self, file: PlannedFile, record: TextIO) -> None:
        """Writes a file, which appears whole or not at all, and records it."""
        place = self.folder / file.path
        with atomic_output(place) as aside:
            file.write(aside)
            entry = {
                "path": file.path,
                "bytes": aside.stat().st_size,
                "sha256": sha256_of(aside),
                "videos": file.videos,
            }
        record.write(json.dumps(entry) + "\n")
        record.flush()
        self._done[file.path] = entry

    def finish(self, files: tuple[PlannedFile, ...], facts: Mapping[str, Any]) -> None:
        """Writes the manifest, by which the export is finished. facts: its entries besides the files."""
        content = {**facts, "export": self._digest, "files": [self._done[file.path] for file in files]}
        write_text(self.folder / MANIFEST, json.dumps(content, indent=1, sort_keys=True) + "\n")
        for name in (_PLAN, _DONE):
            (self.folder / name).unlink(missing_ok=True)

    def _check_empty_or_ours(self) -> None:
        if not self.folder.exists():
            return
        if not self.folder.is_dir():
            raise NvfairError("is a file", where=self.folder, remedy="name a folder that does not exist yet")
        names = {path.name for path in self.folder.iterdir()}
        known = next((name for name in (MANIFEST, _PLAN) if name in names), None)
        if known is None:
            if names:
                raise NvfairError(
                    f"it holds {count_text(len(names), 'other file or folder', 'other files and folders')}, such as "
                    f"{min(names)}",
                    where=self.folder,
                    expected="an empty folder, or one that does not exist yet",
                )
            return
        try:
            content = load_unique_json((self.folder / known).read_bytes())
        except ValueError:
            content = {}
        if not isinstance(content, dict) or content.get("export") != self._digest:
            raise NvfairError(
                "it holds an export of something else: another data set, other options, or other videos "
                "than may be passed on now",
                where=self.folder / known,
                remedy="delete it, or name another folder",
            )

    def _read_done(self) -> dict[str, dict[str, Any]]:
        path = self.folder / _DONE
        if not path.exists():
            return {}
        text = path.read_text(encoding="utf-8", errors="replace")
        whole_lines = text[: text.rfind("\n") + 1]
        entries = [json.loads(line) for line in whole_lines.splitlines()]
        return {entry["path"]: entry for entry in entries}

    def _is_done(self, path: str) -> bool:
        entry, place = self._done.get(path), self.folder / path
        return entry is not None and place.is_file() and place.stat().st_size == entry["bytes"]
