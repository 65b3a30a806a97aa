"""The data set as a holder: its steps are ordered so that after an interruption they may all be done again.

A mark comes first, which keeps builds out, then the tombstone; dataset.json is set aside, so that the data set is
unfinished until it is written again, last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.curate.revocation.footprint import Footprint, files_of_items
from nvfair_tools.curate.revocation.tables import (
    finish_again,
    remove_empty_folders,
    remove_frames,
    remove_plan_rows,
    remove_table_rows,
    set_dataset_aside,
)
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import remove_partial_outputs
from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.governance.revocation import Finding, Trace, folders_of, unwritable
from nvfair_tools.governance.search.patterns import Patterns
from nvfair_tools.governance.tombstones import TOMBSTONES_FILE, read_tombstones
from nvfair_tools.pipeline.journal_removal import iterate_items, remove_items
from nvfair_tools.pipeline.workspace import REVOKING, Workspace

_MARKS = ("dataset.json", "videos.parquet", TOMBSTONES_FILE, REVOKING, ".build/journal.sqlite")
_NAMED_DETAIL = "(this named a person who has withdrawn)"


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds a data set, finished or not."""
    return any((folder / name).exists() for name in _MARKS)


@dataclass(frozen=True)
class DatasetHolder:
    """A data set in its folder, finished or not."""

    place: Path
    kind: str = "dataset"

    def trace(self, trace: Trace) -> Trace:
        """The trace with the hashes of the person's clips, videos, portraits, tracks and items in this data set."""
        return Footprint(self.place, trace).extended_trace()

    def people(self) -> dict[str, tuple[str, ...]]:
        """Everybody whom the data set names, with their aliases."""
        return Footprint(self.place, Trace("nobody:0")).people()

    def find(self, trace: Trace) -> list[Finding]:
        """Clips, videos, rows, portraits, tracks, items of the build and rows of the plan that are the person's."""
        footprint = Footprint(self.place, trace)
        videos, identity = footprint.videos, trace.identity
        made = videos[videos["kind"] != "real"]
        suffixes = [path.suffix.lower() for path in footprint.files]
        tracks = sum(path.suffix == ".npz" for path in footprint.files)
        segments = sum(path.is_relative_to(footprint.workspace.folder / "segments") for path in footprint.files)
        videos_deleted = suffixes.count(".mp4") - segments
        portraits = sum("portraits" in path.relative_to(self.place).parts for path in footprint.files)
        findings = [
            Finding("people", int((footprint.identities["identity"] == identity).sum()), "row removed"),
            Finding("clips", len(videos) - len(made), "rows removed"),
            Finding(
                "reenactments",
                len(made),
                "rows removed",
                int((made["target"] == identity).sum()),
                int((made["driver"] == identity).sum()),
            ),
            Finding("video files", videos_deleted, "deleted"),
            Finding("portraits", portraits, "deleted"),
            Finding(
                "pictures of quality", len(footprint.quality_pictures), "deleted; `nvfair quality` makes them again"
            ),
            Finding("rows of frames", footprint.rows_of_frames, "parts written anew without them"),
            Finding("tracks", tracks, "deleted"),
            Finding("segments of footage", segments, "deleted"),
            Finding("other files", len(suffixes) - suffixes.count(".mp4") - tracks - portraits, "deleted"),
            *_shared_footage(footprint),
            Finding("items of the build", len(footprint.items), "removed from the journal, which is written anew"),
            Finding("planned videos", len(footprint.planned), "plan written anew without them"),
        ]
        return [finding for finding in findings if finding.count]

    def obstacles(self, trace: Trace, key: CuratorKey) -> Iterator[str]:
        """A build that is at work, a key that is not that of earlier revocations, folders that cannot be written in."""
        workspace = Workspace(self.place)
        if workspace.is_locked():
            yield "a build is at work here; wait until it has ended"
        try:
            read_tombstones(self.place).check_key(key, where=self.place / TOMBSTONES_FILE)
        except NvfairError as error:
            yield f"{error.what}; {error.remedy}"
        changed = [*Footprint(self.place, trace).files, *(self.place / "frames").rglob("part-*.parquet")]
        changed += [path for name in ("quality", "card") for path in (self.place / name).glob("*")]
        changed += [path for path in (workspace.journal_path, *files_of_items(workspace)) if path.exists()]
        yield from unwritable({self.place, workspace.journal_path, *folders_of(changed, self.place)})

    def remove(self, trace: Trace, key: CuratorKey, date: str) -> None:
        """Removes all of it, and leaves a tombstone. Raises NvfairError where a build is at work here."""
        folder = self.place
        workspace = Workspace(folder)
        tombstones = read_tombstones(folder)
        tombstones.check_key(key, where=folder / TOMBSTONES_FILE)
        with workspace.locked():
            (folder / REVOKING).touch()
            remove_partial_outputs(folder)
            tombstones.with_person(key, trace.identity, trace.aliases, trace.hashes, date).write(
                folder / TOMBSTONES_FILE
            )
            set_dataset_aside(folder)
            footprint = Footprint(folder, trace)
            patterns = Patterns.of(trace)
            for path in footprint.quality_pictures:  # while the tables still say that there is something to be seen
                path.unlink()
            remove_frames(footprint)
            remove_table_rows(footprint, lambda text: _without_names(text, patterns))
            remove_plan_rows(workspace.plan_path, trace.identity)
            self._remove_items(trace, patterns)
            self._remove_files(Footprint(folder, trace))
            finish_again(folder)
            (folder / REVOKING).unlink()

    def _remove_items(self, trace: Trace, patterns: Patterns) -> None:
        path = Workspace(self.place).journal_path
        if path.is_file():
            footprint = Footprint(self.place, trace)
            remove_items(
                path,
                trace.identity,
                footprint.belongs,
                footprint.names,
                lambda text: _without_names(text, patterns),
            )

    def _remove_files(self, footprint: Footprint) -> None:
        """Deletes files by their names, and tracks that no item of the journal owns any more."""
        for path in footprint.named_files():
            path.unlink()
        journal = footprint.workspace.journal_path
        owned = {item.id for item in iterate_items(journal)} if journal.is_file() else set()
        for path in list(files_of_items(footprint.workspace)):
            if path.stem not in owned:
                path.unlink()
        for name in ("videos", "portraits", "quality", ".build/tracks", ".build/segments"):
            remove_empty_folders(self.place / name)


def _without_names(text: str, patterns: Patterns) -> str:
    return _NAMED_DETAIL if any(patterns.search(text.encode(), is_text=False)) else text


def _shared_footage(footprint: Footprint) -> list[Finding]:
    """What the person's footage is used for besides: other people's segments of it, which may show the person too."""
    rows = footprint.shared_footage
    files = ", ".join(sorted(set(rows["footage"])))
    people = ", ".join(sorted(set(rows["identity"])))
    visible = int((rows["others"] > 0).sum())
    texts = [
        (len(set(rows["footage"])), "footage with others", f"stays with you: {files}"),
        (len(rows), "others' segments of it", f"stay: {people}"),
        (visible, "of these, with more faces", "stay; look whether one is this person's"),
    ]
    return [Finding(what, count, action) for count, what, action in texts]
