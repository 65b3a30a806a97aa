"""What a release's folder holds, file by file, before any video is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import ItemResult, ok, rejected


@dataclass(frozen=True)
class ReleaseFile:
    """One file and what its name says. name: path below the release's folder, with "/".

    kind: real, self, cross. clip: the (driving) clip's name. generator: "" for a real video. split: of both people,
    "" where they are not known or not in the same one. result: ok until something speaks against it.
    """

    name: str
    path: Path
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
    result: ItemResult = field(default_factory=ok)

    @property
    def understood(self) -> bool:
        """Whether people and split are known, so that it can be a row of the videos table."""
        return bool(self.split)


@dataclass(frozen=True)
class Release:
    """A release as found on disk.

    files: all of them, by name. absent: (what, reason, detail) of what its own lists name and the folder lacks.
    splits: {identity: split} of its people. generators: what the data set says of each (label, family, version,
    motion_mode, licence). notes: what a reader must know of how it was understood.
    """

    name: str
    root: Path
    files: tuple[ReleaseFile, ...]
    absent: tuple[tuple[str, str, str], ...]
    splits: Mapping[str, str]
    generators: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()

    def counts(self) -> list[tuple[str, str, str, int]]:
        """(kind or generator and kind, state, reason, files) of what was found, and of what is absent."""
        return counted(self.files, self.absent)


def counted(files: Iterable[ReleaseFile], absent: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str, int]]:
    """See Release.counts."""
    found: Counter[tuple[str, str, str]] = Counter(
        (f"{one.generator} {one.kind}".strip() or "not understood", one.result.state, one.result.reason)
        for one in files
    )
    found.update(("listed by the release", "absent", reason) for _, reason, _ in absent)
    return [(*key, number) for key, number in sorted(found.items())]


def walk(root: Path) -> Iterator[tuple[str, Path]]:
    """(name, path) of every file below `root` in order of names, hidden ones left out."""
    if not root.is_dir():
        raise NvfairError("there is no such folder", where=root, remedy="name the folder that the release was put into")
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        base = Path(folder)
        found += [(path.relative_to(root).as_posix(), path) for path in map(base.joinpath, names)]
    for name, path in sorted(found):
        if not path.name.startswith("."):
            yield name, path


def generator_facts(label: str, *, licence: str) -> dict[str, Any]:
    """What the data set says of a generator of a release: its version and how it was driven are not public."""
    return {"label": label, "family": label, "version": "not stated", "motion_mode": "not stated", "licence": licence}


def refused(name: str, path: Path, reason: str, detail: str) -> ReleaseFile:
    """A file whose name says too little to be anything."""
    return ReleaseFile(name, path, result=rejected(reason, detail))
