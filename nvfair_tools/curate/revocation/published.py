"""Published videos as a holder of data derived from people: signed copies and the table beside them (`nvfair mark`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nvfair_tools.curate.revocation.footprint import names_person
from nvfair_tools.curate.revocation.tables import remove_empty_folders
from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.governance.revocation import Finding, Trace, folders_of, unwritable
from nvfair_tools.marks.own_tags import read_own_tags
from nvfair_tools.marks.publish import SUFFIX, published_rows, unfinished_table
from nvfair_tools.marks.table import TABLE, MarkedFile, write_table
from nvfair_tools.media.errors import MediaError


def is_published(folder: Path) -> bool:
    """Whether a folder holds published videos, all or some of them signed so far."""
    return (folder / TABLE).is_file() or unfinished_table(folder).is_file()


@dataclass(frozen=True)
class PublishedHolder:
    """A folder of published videos."""

    place: Path
    kind: str = "published"

    def trace(self, trace: Trace) -> Trace:
        """The trace with the hashes of the person's published files, and people whose names begin alike."""
        hashes = {row.published_sha256 for row in self._rows(trace)}
        people = set().union(*map(_people, self._videos()))
        others = {name for name in people if name.startswith(trace.identity)} - {trace.identity}
        return replace(trace, hashes=trace.hashes | hashes, others=trace.others | others)

    def find(self, trace: Trace) -> list[Finding]:
        """Rows of the table, and files."""
        findings = [
            Finding("rows of published files", len(self._rows(trace)), "removed from the table"),
            Finding("published files", sum(1 for _ in self._files(trace)), "deleted"),
        ]
        return [finding for finding in findings if finding.count]

    def obstacles(self, trace: Trace, key: CuratorKey) -> Iterator[str]:
        """Folders of the person's files, and of the table, that cannot be written in."""
        files = [*self._files(trace), *([self.place / TABLE] if self._rows(trace) else [])]
        yield from unwritable(folders_of(files, self.place))

    def remove(self, trace: Trace, key: CuratorKey, date: str) -> None:
        """Deletes the files, then writes the table without them."""
        for path in list(self._files(trace)):
            path.unlink()
        remove_empty_folders(self.place)
        persons = self._rows(trace)
        if persons or unfinished_table(self.place).exists():
            write_table(self.place / TABLE, (row for row in published_rows(self.place) if row not in persons))
            unfinished_table(self.place).unlink(missing_ok=True)

    def _videos(self) -> list[Path]:
        return sorted(self.place.rglob(f"*{SUFFIX}"))

    def _rows(self, trace: Trace) -> list[MarkedFile]:
        """The person's rows: by the video, by the bytes before and after signing, or by the path."""
        return [
            row
            for row in published_rows(self.place)
            if trace.hashes & {row.video, row.rendered_sha256, row.published_sha256}
            or names_person(row.path, trace.identity)
        ]

    def _files(self, trace: Trace) -> Iterator[Path]:
        """The person's files that are there: by their rows, and by their own tags where they have no row."""
        rows = {row.path for row in self._rows(trace)}
        for path in self._videos():
            if path.relative_to(self.place).as_posix() in rows or trace.identity in _people(path):
                yield path


def _people(path: Path) -> set[str]:
    """The people that a video's own tags name; none where it cannot be read."""
    try:
        tags = read_own_tags(path)
    except MediaError:
        return set()
    return {tags[role] for role in ("identity", "target", "driver") if role in tags}
