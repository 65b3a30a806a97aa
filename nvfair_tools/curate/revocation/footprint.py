"""What a data set has of a person: rows, videos, portraits, tracks, items of the build, and files by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.dataset.row_removal import count_rows
from nvfair_tools.dataset.segments import SCHEMA as SEGMENTS_SCHEMA
from nvfair_tools.dataset.segments import read_segments
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.revocation import SHORTEST_MARK, Trace
from nvfair_tools.identity import identity_file_name
from nvfair_tools.pipeline.journal_removal import JournalItem, iterate_items, linked_items, linked_people
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.quality.pictures import PREVIEW_PATTERN, SHEET_NAME

# Stages whose items carry no name: the journal says whose they are.
_LINKED_STAGES = frozenset(("read", "track", "clip checks", "cuts", "shot", "segment", "person"))
_TRACK_STAGES = frozenset(("track", "portrait", "landmarks"))
_FILES_OF_ITEMS = (("tracks", "*.npz"), ("segments", "*.mp4"))  # folders of the build whose files have items' ids


def names_person(path: str, identity: str) -> bool:
    """Whether a path of a data set names a person: in a folder, or as the target or driver of a file."""
    folders, _, file = path.rpartition("/")
    stem = file.rpartition(".")[0] or file
    return identity_file_name(identity) in {*folders.split("/"), *re.split("--", stem)}


def files_of_items(workspace: Workspace) -> Iterator[Path]:
    """The files of a build that are named after the items that made them: tracks, and segments of footage."""
    for folder, pattern in _FILES_OF_ITEMS:
        yield from (workspace.folder / folder).rglob(pattern)


@dataclass(frozen=True)
class Footprint:
    """What the data set in `folder` has of the person of a trace, as it is now, whether finished or not."""

    folder: Path
    trace: Trace

    @property
    def workspace(self) -> Workspace:
        """The places of the build's own files."""
        return Workspace(self.folder)

    @cached_property
    def videos(self) -> pd.DataFrame:
        """The rows of videos.parquet that show the person's face or motion, or a copy of one of the person's files."""
        path = self.folder / "videos.parquet"
        if not path.is_file():
            return pd.DataFrame(columns=["video", "kind", "target", "driver", "clip", "path", "sha256", "lineage"])
        rows = pq.read_table(path, partitioning=None).to_pandas()
        return rows[self.involves(rows)]

    def involves(self, rows: pd.DataFrame) -> pd.Series:
        """Bool: which rows of a videos table are the person's."""
        identity, hashes = self.trace.identity, self.trace.hashes
        named = (rows["target"] == identity) | (rows["driver"] == identity)
        own_files = {
            digest
            for lineage in rows.loc[named & (rows["kind"] == "real"), "lineage"]
            for digest in (lineage if lineage is not None else ())
        }
        copies = rows["lineage"].map(lambda ids: ids is not None and not (own_files | hashes).isdisjoint(ids))
        return named | rows["video"].isin(hashes) | (copies & (rows["kind"] == "real"))

    @cached_property
    def identities(self) -> pd.DataFrame:
        """The rows of identities.parquet of everybody."""
        path = self.folder / "identities.parquet"
        return pq.read_table(path, partitioning=None).to_pandas() if path.is_file() else pd.DataFrame({"identity": []})

    def involves_segments(self, segments: pd.DataFrame) -> pd.Series:
        """Bool: which rows of a table of segments are the person's."""
        return (segments["identity"] == self.trace.identity) | segments["video"].isin(self.known_hashes)

    @cached_property
    def shared_footage(self) -> pd.DataFrame:
        """The rows of other people's segments that were cut from the same files as the person's."""
        segments = read_segments(self.folder)
        if segments is None:
            return pd.DataFrame(columns=SEGMENTS_SCHEMA.names)
        own = self.involves_segments(segments)
        return segments[~own & segments["footage_sha256"].isin(segments.loc[own, "footage_sha256"])]

    @cached_property
    def planned(self) -> set[str]:
        """The ids of planned videos in which the person is target or driver, as far as the plan knows them."""
        path = self.workspace.plan_path
        if not path.is_file():
            return set()
        ids: set[str] = set()
        with pq.ParquetFile(path) as plan:
            for batch in plan.iter_batches(columns=["id", "video", "target", "driver"]):
                rows = batch.filter(
                    pc.or_(
                        *(
                            pc.equal(batch.column(role).cast(pa.string()), self.trace.identity)
                            for role in ("target", "driver")
                        )
                    )
                )
                ids |= {id for name in ("id", "video") for id in rows.column(name).to_pylist() if id}
        return ids

    @cached_property
    def known_hashes(self) -> frozenset[str]:
        """The hashes of the trace, and those that the tables and the plan add."""
        videos = self.videos
        hashes = {*self.trace.hashes, *videos["video"], *videos["sha256"].dropna(), *self.planned}
        real = videos[(videos["kind"] == "real")]
        hashes |= {*real["clip"], *(digest for ids in real["lineage"] if ids is not None for digest in ids)}
        as_target = videos[(videos["kind"] != "real") & (videos["target"] == self.trace.identity)]
        # The first in a reenactment's lineage is the portrait; of simulated people without pictures, the driver's clip.
        hashes |= {
            ids[0]
            for ids, clip in zip(as_target["lineage"], as_target["clip"], strict=True)
            if ids is not None and len(ids) and ids[0] != clip
        }
        return frozenset(id for id in hashes if len(id) >= SHORTEST_MARK)

    def is_persons(self, item: JournalItem) -> bool:
        """Whether an item of the build's journal is known to be the person's."""
        hashes, facts = self.known_hashes, item.facts
        return (
            (item.stage, item.id) in self._links
            or item.id in hashes
            or self.names(item.path)
            or facts.get("sha256") in hashes
            or facts.get("video") in hashes
            or (item.stage == "quality" and not hashes.isdisjoint(facts.get("videos", ())))
        )

    def belongs(self, item: JournalItem) -> bool:
        """Whether an item goes: it is the person's, or it may be, because the journal does not say whose it is. The
        next build makes the latter again."""
        if self.is_persons(item):
            return True
        if item.stage in _LINKED_STAGES:
            return not item.is_linked
        if item.stage == "landmarks":
            return item.path != "" and "video" not in item.facts
        # The id of a part follows from its videos: one that was written anew is another item.
        return item.stage == "shard" and item.path != "" and self._size(item.path) != item.facts.get("bytes")

    def _size(self, path: str) -> int | None:
        file = self.folder / path
        return file.stat().st_size if file.is_file() else None

    @cached_property
    def _links(self) -> set[tuple[str, str]]:
        return linked_items(self.workspace.journal_path, self.trace.identity)

    @cached_property
    def items(self) -> list[JournalItem]:
        """The items in the build's journal that go."""
        path = self.workspace.journal_path
        return [item for item in iterate_items(path) if self.belongs(item)] if path.is_file() else []

    @cached_property
    def files(self) -> list[Path]:
        """Videos, portraits and other files whose name is the person's, and the person's tracks."""
        stages = (*_TRACK_STAGES, "segment")
        ids = {item.id for item in self.items if item.stage in stages} | self.known_hashes
        return sorted(set(self.named_files()) | {path for path in files_of_items(self.workspace) if path.stem in ids})

    def names(self, path: str) -> bool:
        """Whether a path, relative to the data set, names the person."""
        return names_person(path, self.trace.identity)

    def named_files(self) -> Iterator[Path]:
        """Files of the data set whose path names the person."""
        for path in self.folder.rglob("*"):
            if (path.is_file() or path.is_symlink()) and self.names(path.relative_to(self.folder).as_posix()):
                yield path

    @property
    def quality_pictures(self) -> list[Path]:
        """Sheets and previews of `nvfair quality`, whoever is on them; none without videos of the person."""
        if self.videos.empty:
            return []
        places = (self.folder / "quality").rglob("*")
        return sorted(path for path in places if any(path.match(pattern) for pattern in (SHEET_NAME, PREVIEW_PATTERN)))

    @cached_property
    def rows_of_frames(self) -> int:
        """How many rows of the parts are the person's."""
        videos = {*self.videos["video"], *self.known_hashes}
        parts = (self.folder / "frames").rglob("part-*.parquet")
        return sum(count_rows(path, videos, self.trace.identity) for path in parts)

    def extended_trace(self) -> Trace:
        """The trace with everything that this data set knows of the person."""
        people = self.people()
        aliases = people.get(self.trace.identity, ())
        hashes = set(self.known_hashes)
        for item in filter(self.is_persons, self.items):
            hashes |= {item.facts["sha256"]} if "sha256" in item.facts else set()
            # The id of a "read" item is that of a place on this disk, where the next build may find something else.
            hashes |= {item.id} if item.stage != "read" else set()
        own = [path for path in self.files if path.suffix != ".npz" or path.stem in hashes]
        hashes |= {sha256_of(path) for path in own if path.is_file() and not path.is_symlink()}
        others = {name for name in people if name != self.trace.identity and name.startswith(self.trace.identity)}
        return self.trace.joined(Trace(self.trace.identity, frozenset(aliases), frozenset(hashes), frozenset(others)))

    def people(self) -> dict[str, tuple[str, ...]]:
        """Everybody whom tables, plan and journal name, with their aliases."""
        names: dict[str, tuple[str, ...]] = dict.fromkeys(sorted(self._names_in_tables()), ())
        for row in self.identities.to_dict("records"):
            aliases = row.get("aliases")
            names[str(row["identity"])] = tuple(map(str, aliases)) if aliases is not None else ()
        return names

    def _names_in_tables(self) -> set[str]:
        """Everybody whom the videos table, the plan and the journal name."""
        names: set[str] = set()
        for path in (self.folder / "videos.parquet", self.workspace.plan_path):
            if path.is_file():
                table = pq.read_table(path, columns=["target", "driver"], partitioning=None)
                names |= {str(name) for column in table.columns for name in column.unique().to_pylist()}
        journal = self.workspace.journal_path
        return names | linked_people(journal) if journal.is_file() else names
