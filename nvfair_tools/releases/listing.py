"""Listing a release: what its folder holds, file by file, before any video is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvfair_tools.errors import NvfairError
from nvfair_tools.folder_tree import FolderTree, read_folder_tree
from nvfair_tools.pipeline.items import ItemResult, ok, rejected

UNDISPUTED = ok()  # one for all files against which nothing speaks


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file, as its name describes it. name: path below the release's folder, with "/".

    kind: real, self, cross. clip: the (driving) clip's name. generator: "" for a real video. split: of both people,
    "" where they are not known or not in the same one. scenario: "scripted" or "free", "" where it is not known.
    result: ok until something speaks against the file.
    """

    name: str
    kind: str = ""
    source: str = ""
    target: str = ""
    driver: str = ""
    clip: str = ""
    generator: str = ""
    split: str = ""
    licence: str = ""
    consent: str = ""
    permitted_use: str = ""
    scenario: str = ""
    result: ItemResult = UNDISPUTED

    @property
    def has_row(self) -> bool:
        """Whether people and split are known, so that the file gets a row of the videos table."""
        return bool(self.split)


@dataclass(frozen=True)
class Release:
    """A published release in a folder on disk, with its people and generators.

    files: all of them, by name. absent: (name, reason, detail) of files that the release lists and the folder lacks.
    splits: {identity: split} of its people. generators: how the data set describes each (label, family, version,
    motion_mode, licence). notes: how the release was interpreted, for its reader. people: {identity: gender, age,
    ethnicity}, of those of whom they are known.
    """

    name: str
    root: Path
    files: tuple[ReleaseFile, ...]
    absent: tuple[tuple[str, str, str], ...]
    splits: Mapping[str, str]
    generators: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def counts(self) -> list[tuple[str, str, str, int]]:
        """Counts the files that are there and those that are absent; see `count_files`."""
        return count_files(self.files, self.absent)


def count_files(
    files: Iterable[ReleaseFile], absent: Iterable[tuple[str, str, str]]
) -> list[tuple[str, str, str, int]]:
    """Counts files as sorted (kind, or generator and kind; state; reason; number of files)."""
    counts: Counter[tuple[str, str, str]] = Counter(
        (f"{file.generator} {file.kind}".strip() or "not understood", file.result.state, file.result.reason)
        for file in files
    )
    counts.update(("listed by the release", "absent", reason) for _, reason, _ in absent)
    return [(*key, count) for key, count in sorted(counts.items())]


def list_files(root: Path) -> FolderTree:
    """Lists every file below `root` in order of names; its `notes` say what is not among them.

    Raises NvfairError where there is no such folder, or one that cannot be read.
    """
    if not root.is_dir():
        raise NvfairError("there is no such folder", where=root, remedy="name the folder that the release was put into")
    tree = read_folder_tree(root)
    tree.names.sort()
    return tree


def describe_generator(label: str, *, licence: str) -> dict[str, Any]:
    """Describes a generator of a release; its version and how it was driven are not public."""
    return {"label": label, "family": label, "version": "not stated", "motion_mode": "not stated", "licence": licence}


def rejected_file(name: str, reason: str, detail: str) -> ReleaseFile:
    """Makes the entry of a file whose name says too little for a row of the videos table."""
    return ReleaseFile(name, result=rejected(reason, detail))
