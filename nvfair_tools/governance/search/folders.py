"""The search of whole folders: names of folders and files, every byte of every file, and what is packed in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nvfair_tools.governance.search.decoding import Undecodable, decoded, decoded_member
from nvfair_tools.governance.search.patterns import Hit, Patterns

_BLOCK_BYTES = 8 << 20
_DEEPEST = 4  # of archives in archives
# What no search of folders can cover.
NOT_COVERED = (
    "copies that were encoded, cropped or compressed again: their bytes are others",
    "pictures and landmarks that carry no name and no recorded hash",
    "copies and caches of others who have read the data set",
    "histories: of version control, of file systems (snapshots), of disks' spare blocks",
    "backups in other places than these folders",
)


@dataclass(frozen=True)
class FoundPlace:
    """A hit. path: of the file, or a database's address. place: inside it: "bytes", "name", or what was decoded."""

    path: Path | str
    place: str
    hit: Hit


@dataclass
class SearchReport:
    """What a search found, and what it covered.

    left: names and hashes of the person. possible: words that may be the person's name or something else. folders,
    files, bytes: what was searched. unreadable: files that could not be searched wholly, with the reason. not_covered:
    what no such search covers, in words.
    """

    left: list[FoundPlace] = field(default_factory=list)
    possible: list[FoundPlace] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    decoded: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    not_covered: list[str] = field(default_factory=lambda: list(NOT_COVERED))

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the person was found, and everything could be read."""
        return not self.left and not self.unreadable

    def add(self, path: Path | str, place: str, hits: Iterable[Hit]) -> None:
        """Adds what was found in a place; one that lies in two overlapping blocks is one place."""
        for hit in hits:
            found_place = FoundPlace(path, place, hit)
            known = self.possible if hit.kind == "word" else self.left
            if found_place not in known[-8:]:
                known.append(found_place)


def search_folders(
    folders: Iterable[Path], patterns: Patterns, progress: Callable[[int, int], None] = lambda done, total: None
) -> SearchReport:
    """Searches folders (or single files), each with everything below it; links are not followed, their targets' names
    are searched. progress: called with (bytes done, bytes in all)."""
    report = SearchReport(folders=[folder.resolve() for folder in folders])
    entries = list(dict.fromkeys(entry for folder in report.folders for entry in _entries(folder)))
    sizes = {path: path.lstat().st_size for path, is_file in entries if is_file}
    all_bytes = sum(sizes.values())
    for path, is_file in entries:
        root = next(folder for folder in report.folders if path.is_relative_to(folder))
        name = os.fsencode(path.relative_to(root) if path != root else path.name)
        report.add(path, "name", patterns.search(name, is_text=True))
        if path.is_symlink():
            report.add(path, "target of the link", patterns.search(os.fsencode(os.readlink(path)), is_text=True))
        elif is_file:
            _search_file(report, path, patterns)
            report.bytes += sizes[path]
            progress(report.bytes, all_bytes)
    return report


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """(path, whether it is a file) of everything below a folder, in order; the file itself where it is one."""
    if not folder.is_dir():
        yield folder, True
        return
    for place, names, files in os.walk(folder):
        names.sort()
        for name in names:
            yield Path(place, name), Path(place, name).is_symlink()
        for name in sorted(files):
            yield Path(place, name), True


def _search_file(report: SearchReport, path: Path, patterns: Patterns) -> None:
    report.files += 1
    try:
        for offset, block in _blocks(path, patterns.overlap):
            hits = (Hit(hit.kind, hit.form, hit.offset + offset) for hit in patterns.search(block, is_text=False))
            report.add(path, "bytes", hits)
        for place, content in _decoded_wholly(path):
            report.decoded[place.split(" ", 1)[0]] += 1
            report.add(path, place, patterns.search(content, is_text=True))
    except (OSError, Undecodable) as error:
        report.unreadable.append((path, str(error)))


def _blocks(path: Path, overlap: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of a file's blocks, each with the last bytes of the one before it."""
    with open(path, "rb") as file:
        tail = b""
        offset = 0
        while block := file.read(_BLOCK_BYTES):
            yield offset - len(tail), tail + block
            offset += len(block)
            tail = block[-overlap:]


def _decoded_wholly(path: Path) -> Iterator[tuple[str, bytes]]:
    """What is inside a file, and inside that, to a depth at which no archive of ours ends."""
    levels = [decoded(path)]
    while levels:
        for place, content in levels[-1]:
            yield place, content
            if place.startswith(("member", "unpacked")) or ", member" in place:
                if len(levels) >= _DEEPEST:
                    raise Undecodable(f"{place}: archives in archives, deeper than {_DEEPEST}")
                levels.append(decoded_member(place, content))
                break
        else:
            levels.pop()
