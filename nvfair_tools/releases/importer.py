"""From a listed release to a finished data set: read, track, shards, tables, card. Rendered it is already."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from nvfair_tools.curate.build import meta_of
from nvfair_tools.curate.card import write_card
from nvfair_tools.curate.ingest import TrackTask, TrackWorker, content_digests
from nvfair_tools.curate.session import Session, session_of
from nvfair_tools.curate.shards import FramesAt, with_places
from nvfair_tools.curate.tables import videos_table
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.pipeline.items import item_id, rejected
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.pipeline.stage import run_stage, single_items
from nvfair_tools.recipe.landmarker_spec import Tracker
from nvfair_tools.releases.listing import Release, counted
from nvfair_tools.releases.rows import LINKS, ReadFile, identities_of, video_rows
from nvfair_tools.releases.settings import ReleaseSettings, as_recipe

VERSION = "1"  # of what is measured and stored for a file
LEFT_OUT = "left_out.csv"


@dataclass(frozen=True)
class Imported:
    """A finished import. counts: (what, state, reason, files); left_out: how many lines that file has."""

    videos: pd.DataFrame
    identities: pd.DataFrame
    counts: list[tuple[str, str, str, int]]
    left_out: int


def import_release(
    release: Release, settings: ReleaseSettings, out: Path, reporter: Reporter | None = None
) -> Imported:
    """Makes the data set of `release` in `out`; running it again does what is missing or may now succeed.

    Raises NvfairError where `out` lies in the release's folder, or where no file can be used.
    """
    if out.resolve().is_relative_to(release.root.resolve()):
        raise NvfairError("the data set would lie in the release's own folder", where=out, remedy="name another folder")
    if not any(file.result.state == "ok" for file in release.files):
        told = "; ".join(f"{count} {what} {reason}" for what, _, reason, count in release.counts()[:8])
        raise NvfairError(
            f"none of its {len(release.files)} files can be used{': ' + told if told else ''}",
            where=release.root,
            remedy="`nvfair import ... --check` lists every file's reason",
        )
    with session_of(as_recipe(release, settings, out), reporter) as session:
        return _finished(session, release, settings, _read(session, release))


def _read(session: Session, release: Release) -> list[ReadFile]:
    """Every file of the release, those that could be used read and tracked."""
    wanted = {file.name: file.path for file in release.files if file.result.state == "ok"}
    digests = content_digests(session, wanted)
    read = []
    for file in release.files:
        if (digest := digests.get(file.name)) is None:
            read.append(ReadFile(file))
        elif digest.state != "ok":
            read.append(ReadFile(replace(file, result=digest)))
        else:
            read.append(ReadFile(file, sha256=digest.facts["sha256"]))
    return _tracked(session, _without_copies(read))


def _without_copies(read: Iterable[ReadFile]) -> list[ReadFile]:
    """Files of equal content: the first counts, unless they name different people or generators; then none does."""
    read = list(read)
    alike: dict[str, list[ReadFile]] = defaultdict(list)
    for one in read:
        if one.sha256:
            alike[one.sha256].append(one)
    done = []
    for one in read:
        group = alike[one.sha256] if one.sha256 else [one]
        if len({(other.file.target, other.file.driver, other.file.generator) for other in group}) > 1:
            other = next(other.file.name for other in group if other is not one)
            told = f"the same content as {other}, which names other people or another generator"
            one = replace(one, file=replace(one.file, result=rejected("conflicting_content", told)))
        elif one is not group[0]:
            told = f"the same content as {group[0].file.name}"
            one = replace(one, file=replace(one.file, result=rejected("duplicate_content", told)))
        done.append(one)
    return done


def _tracked(session: Session, read: Sequence[ReadFile]) -> list[ReadFile]:
    """Each video is tracked by itself, with its own times: what drove it need not be at hand."""
    recipe, workspace = session.recipe, session.workspace
    tracker = Tracker.of(recipe)
    told = {"landmarker": tracker.id(), "truncated": recipe.policy.truncated, "mesh": recipe.features.mesh}
    rows = {
        one.file.name: item_id("release frames", content=one.sha256, version=VERSION, **told)
        for one in read
        if one.file.result.state == "ok"
    }
    tasks = {
        rows[one.file.name]: TrackTask(
            one.file.path, workspace.track(rows[one.file.name]), recipe.policy.truncated, rows=recipe.features.mesh
        )
        for one in read
        if one.file.name in rows
    }
    _forget(workspace.folder / "tracks", set(rows.values()))
    results = run_stage(
        session.runner,
        "track",
        partial(TrackWorker, tracker),
        single_items(tasks),
        outputs={id: task.track.relative_to(session.dataset).as_posix() for id, task in tasks.items()},
    )
    done = []
    for one in read:
        if (id := rows.get(one.file.name)) is not None:
            result = results[id]
            facts = result.facts if result.state == "ok" else None
            one = replace(one, file=replace(one.file, result=replace(result, facts={})), rows=id, facts=facts)
        done.append(one)
    return done


def _forget(tracks: Path, wanted: set[str]) -> None:
    """Removes what was measured of files that are no longer to be used: consent may be withdrawn at any time."""
    for path in tracks.rglob("*.npz"):
        if path.stem not in wanted:
            path.unlink()


def _finished(session: Session, release: Release, settings: ReleaseSettings, read: list[ReadFile]) -> Imported:
    files = [one.file for one in read]
    table = video_rows(release, read, linked=settings.link_videos)
    videos = videos_table(table)
    by_name = {row["lineage"][0]: row["video"] for row in table}
    frames = {
        by_name[f"{release.name}/{one.file.name}"]: FramesAt(one.rows, session.workspace.track(one.rows), False)
        for one in read
        if one.file.result.state == "ok"
    }
    videos = with_places(session, videos, frames)
    identities = identities_of(release, videos)
    left_out = _left_out(release, read)
    write_text(session.dataset / LEFT_OUT, _as_csv(left_out))
    _link(
        session.dataset,
        {one.name: one.path for one in files if one.result.state == "ok"} if settings.link_videos else {},
    )
    counts = counted(files, release.absent)
    found = {(one.facts["detector"], one.facts["version"]) for one in read if one.facts is not None}
    meta = meta_of(session.recipe, found, release.generators) | {
        "release": {
            "name": release.name,
            "notes": list(release.notes),
            "files": [list(count) for count in counts],
        }
    }
    extra = [*write_card(session.dataset, meta, identities, videos), session.dataset / LEFT_OUT]
    finish_dataset(session.dataset, identities, videos, meta, extra_files=extra)
    return Imported(videos, identities, counts, len(left_out))


def _left_out(release: Release, read: Iterable[ReadFile]) -> list[tuple[str, str, str, str]]:
    """(file, state, reason, detail) of everything that is not ok, and of what is listed but absent."""
    lines = [
        (one.file.name, one.file.result.state, one.file.result.reason, one.file.result.detail)
        for one in read
        if one.file.result.state != "ok"
    ]
    return lines + [(name, "absent", reason, detail) for name, reason, detail in release.absent]


def _as_csv(lines: Iterable[tuple[str, str, str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "state", "reason", "detail"])
    writer.writerows(lines)
    return text.getvalue()


def _link(dataset: Path, wanted: dict[str, Path]) -> None:
    """One link a usable file below `videos/`; links of files that may no longer be used are removed."""
    top = dataset / LINKS
    for path in sorted(top.rglob("*")):
        if path.is_symlink() and path.relative_to(top).as_posix() not in wanted:
            path.unlink()
    for name, target in wanted.items():
        link = top / name
        if link.is_symlink():
            if link.readlink() == target.resolve():
                continue
            link.unlink()
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target.resolve())
