"""Importing a listed release: its videos are read and tracked, then shards, tables and card are written."""

from __future__ import annotations

import csv
import html
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from nvfair_tools.curate.card import write_description
from nvfair_tools.curate.clip_checks.contents import content_digests
from nvfair_tools.curate.dataset_meta import dataset_meta
from nvfair_tools.curate.ingest import TrackTask, TrackWorker
from nvfair_tools.curate.session import Session, open_session
from nvfair_tools.curate.shards import StoredFrames, write_shards
from nvfair_tools.curate.tables import videos_table
from nvfair_tools.dataset.writer import content_digest, finish_dataset, write_tables
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.pipeline.items import ItemResult, item_id, rejected
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.releases.listing import Release, ReleaseFile, count_files
from nvfair_tools.releases.rows import LINK_FOLDER, TrackedFile, identities_table, video_rows
from nvfair_tools.releases.settings import ReleaseSettings, recipe_for_import

VERSION = "1"  # of what is measured and stored for a file
LEFT_OUT = "left_out.csv"


@dataclass(frozen=True, repr=False)
class ImportOutcome:
    """A finished import; a notebook shows it as a table of counts.

    folder: the data set's. videos, identities: its tables. counts: (kind, state, reason, number of files), see
    `count_files`. left_out: the number of files in left_out.csv.
    """

    folder: Path
    videos: pd.DataFrame
    identities: pd.DataFrame
    counts: list[tuple[str, str, str, int]]
    left_out: int

    def __repr__(self) -> str:
        return f"Import into {self.folder}\n{self._counts_table().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>Import into {html.escape(str(self.folder))}</p>{self._counts_table().to_html(index=False)}"

    def _counts_table(self) -> pd.DataFrame:
        return pd.DataFrame(self.counts, columns=["what", "state", "reason", "files"])


def import_release(
    release: Release, settings: ReleaseSettings, out: Path, reporter: Reporter | None = None
) -> ImportOutcome:
    """Makes the data set of `release` in `out`; running it again does what is missing or may now succeed.

    reporter: shows the progress; default, bars in a notebook or a terminal. Raises NvfairError where `out` lies in the
    release's folder, or where no file can be used.
    """
    if out.resolve().is_relative_to(release.root.resolve()):
        raise NvfairError("the data set would lie in the release's own folder", where=out, remedy="name another folder")
    if not any(file.result.state == "ok" for file in release.files):
        reasons = "; ".join(f"{count} {what} {reason}" for what, _, reason, count in release.counts()[:8])
        raise NvfairError(
            f"none of its {count_text(len(release.files), 'file')} can be used{': ' + reasons if reasons else ''}",
            where=release.root,
            remedy="`nvfair import ... --check` lists every file's reason",
        )
    with open_session(recipe_for_import(release, settings, out), reporter) as session:
        return _write_dataset(session, release, settings, _read_files(session, release))


def _read_files(session: Session, release: Release) -> list[TrackedFile]:
    """Every file of the release; those that could be used are read and tracked."""
    paths = {file.name: release.root / file.name for file in release.files if file.result.state == "ok"}
    digests = content_digests(session, paths)
    tracked_files = []
    for file in release.files:
        if (digest := digests.get(file.name)) is None:
            tracked_files.append(TrackedFile(file))
        elif digest.state != "ok":
            tracked_files.append(TrackedFile(replace(file, result=digest)))
        else:
            tracked_files.append(TrackedFile(file, sha256=digest.facts["sha256"]))
    return _track(session, release.root, _without_copies(tracked_files))


def _without_copies(tracked_files: Sequence[TrackedFile]) -> list[TrackedFile]:
    """The files, of which copies are rejected: the first counts, unless copies name different people or generators;
    then none does."""
    by_content: dict[str, list[TrackedFile]] = defaultdict(list)
    for tracked in tracked_files:
        if tracked.sha256:
            by_content[tracked.sha256].append(tracked)
    checked = []
    for tracked in tracked_files:
        copies = by_content[tracked.sha256] if tracked.sha256 else [tracked]
        if len({(copy.file.target, copy.file.driver, copy.file.generator) for copy in copies}) > 1:
            other = next(copy.file.name for copy in copies if copy is not tracked)
            detail = f"the same content as {other}, which names other people or another generator"
            tracked = _with_result(tracked, rejected("conflicting_content", detail))
        elif tracked is not copies[0]:
            detail = f"the same content as {copies[0].file.name}"
            tracked = _with_result(tracked, rejected("duplicate_content", detail))
        checked.append(tracked)
    return checked


def _with_result(tracked: TrackedFile, result: ItemResult) -> TrackedFile:
    return replace(tracked, file=replace(tracked.file, result=result))


def _track(session: Session, root: Path, tracked_files: Sequence[TrackedFile]) -> list[TrackedFile]:
    """Tracks each video by itself, with its own times: the video that drove it need not be in the release."""
    recipe, workspace = session.recipe, session.workspace
    landmarker = LandmarkerSpec.from_recipe(recipe)
    determinants = {
        "landmarker": landmarker.fingerprint(),
        "truncated": recipe.policy.truncated,
        "mesh": recipe.features.mesh,
    }
    rows_ids: dict[str, str] = {}  # file name -> id of the rows of its frames
    tasks: dict[str, TrackTask] = {}
    for tracked in tracked_files:
        file = tracked.file
        if file.result.state == "ok":
            id = item_id("release frames", content=tracked.sha256, version=VERSION, **determinants)
            rows_ids[file.name] = id
            tasks[id] = TrackTask(
                root / file.name,
                workspace.track_path(id),
                recipe.policy.truncated,
                content="frame rows with mesh" if recipe.features.mesh else "frame rows",
            )
    _remove_other_tracks(workspace.folder / "tracks", set(tasks))
    results = session.runner.run_items(
        "track",
        partial(TrackWorker, landmarker),
        tasks,
        outputs={id: task.output.relative_to(session.dataset).as_posix() for id, task in tasks.items()},
    )
    finished = []
    for tracked in tracked_files:
        if (rows_id := rows_ids.get(tracked.file.name)) is not None:
            result = results[rows_id]
            facts = result.facts if result.state == "ok" else None
            tracked = replace(_with_result(tracked, replace(result, facts={})), rows_id=rows_id, facts=facts)
        finished.append(tracked)
    return finished


def _remove_other_tracks(folder: Path, used_ids: set[str]) -> None:
    """Removes the tracks of files that must no longer be used: consent may be withdrawn at any time."""
    for path in folder.rglob("*.npz"):
        if path.stem not in used_ids:
            path.unlink()


def _write_dataset(
    session: Session, release: Release, settings: ReleaseSettings, tracked_files: list[TrackedFile]
) -> ImportOutcome:
    """Writes parts, tables, links, card and, last, dataset.json."""
    files = [tracked.file for tracked in tracked_files]
    rows = video_rows(release, tracked_files, linked=settings.link_videos)
    video_by_lineage = {row["lineage"][0]: row["video"] for row in rows}
    frames = {
        video_by_lineage[f"{release.name}/{tracked.file.name}"]: StoredFrames(
            tracked.rows_id, session.workspace.track_path(tracked.rows_id), False
        )
        for tracked in tracked_files
        if tracked.file.result.state == "ok"
    }
    videos = write_shards(session, videos_table(rows), frames)
    identities = identities_table(release, videos)
    left_out = _left_out_files(release, files)
    write_text(session.dataset / LEFT_OUT, _left_out_csv(left_out))
    linked_files = {file.name: release.root / file.name for file in files if file.result.state == "ok"}
    _update_links(session.dataset / LINK_FOLDER, linked_files if settings.link_videos else {})
    counts = count_files(files, release.absent)
    landmarkers = {
        (tracked.facts["detector"], tracked.facts["version"]) for tracked in tracked_files if tracked.facts is not None
    }
    meta = dataset_meta(session.recipe, landmarkers, release.generators) | {
        "release": {
            "name": release.name,
            "notes": list(release.notes),
            "files": [list(count) for count in counts],
        }
    }
    hashes = write_tables(session.dataset, identities, videos)
    card_files = write_description(session.dataset, meta, identities, videos, content=content_digest(hashes))
    extra_files = [*card_files, session.dataset / LEFT_OUT]
    finish_dataset(session.dataset, identities, videos, meta, extra_files=extra_files, files=hashes)
    return ImportOutcome(session.dataset, videos, identities, counts, len(left_out))


def _left_out_files(release: Release, files: Iterable[ReleaseFile]) -> list[tuple[str, str, str, str]]:
    """(file, state, reason, detail) of all files that are not ok, and of those that are listed but absent."""
    unusable = [
        (file.name, file.result.state, file.result.reason, file.result.detail)
        for file in files
        if file.result.state != "ok"
    ]
    return unusable + [(name, "absent", reason, detail) for name, reason, detail in release.absent]


def _left_out_csv(rows: Iterable[tuple[str, str, str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "state", "reason", "detail"])
    writer.writerows(rows)
    return text.getvalue()


def _update_links(folder: Path, files: dict[str, Path]) -> None:
    """Makes one link for each of `files` (name below `folder` -> path); other links are removed, because their files
    must no longer be used."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, path in files.items():
        link = folder / name
        if link.is_symlink():
            if link.readlink() == path.resolve():
                continue
            link.unlink()
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
