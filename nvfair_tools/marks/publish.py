"""Publishing videos: a signed copy of each in another folder, and a table with the hashes of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, check_writable, make_folder, remove_partial_outputs, sha256_of, write_text
from nvfair_tools.marks.manifest import VideoSigner, read_manifest
from nvfair_tools.marks.own_tags import read_own_tags, tag_problems
from nvfair_tools.marks.perceptual_hash import hash_of_video
from nvfair_tools.marks.permission import PublicationPermission
from nvfair_tools.marks.table import TABLE, MarkedFile, read_table, table_text, write_table
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG
from nvfair_tools.media.xmp import read_xmp
from nvfair_tools.pipeline.items import ItemResult, ok, rejected
from nvfair_tools.pipeline.progress import Reporter, Silent

SUFFIX = ".mp4"
_UNFINISHED = ".marks-unfinished.csv"  # the last row of a path counts


@dataclass(frozen=True)
class Publication:
    """What became of a folder's videos. signed: number of those signed now; unchanged: of those that an earlier
    run signed. problems: of files that were not signed, in words. table: the table beside the published files."""

    signed: int
    unchanged: int
    problems: tuple[str, ...]
    table: Path


def publish(folder: Path, out: Path, signer: VideoSigner, reporter: Reporter | None = None) -> Publication:
    """Signs every mp4 in `folder` into the same place in `out`, and writes the table there last.

    Files that an earlier run has signed with the same bytes stay as they are. A file without our own marks is not
    signed, because a signature would vouch for it; nor is one that may not be passed on. reporter: receives the
    progress; one that is a context manager is entered. Raises NvfairError where a folder cannot be used, or nothing is
    in it.
    """
    reporter = Silent() if reporter is None else reporter
    videos = _videos(folder)
    _check_folders(folder, out, videos)
    permission = PublicationPermission(folder)
    earlier = {row.path: row for row in published_rows(out)}
    rows: list[MarkedFile] = []
    problems: list[str] = []
    unchanged = 0
    with ExitStack() as stack:
        if isinstance(reporter, AbstractContextManager):
            stack.enter_context(reporter)
        reporter.begin_stage("sign", len(videos), 0)
        with open(unfinished_table(out), "w", encoding="utf-8", newline="") as unfinished:
            unfinished.write(table_text(earlier.values()))
            for video in videos:
                path = video.relative_to(folder).as_posix()
                reasons = _refusals(video, permission)
                row = None if reasons else _unchanged(video, earlier.get(path), out)
                unchanged += row is not None
                if row is None and not reasons:
                    row, reasons = _publish_video(video, path, out, signer)
                problems += [f"{path}: {reason}" for reason in reasons]
                if row is not None:
                    rows.append(row)
                    unfinished.write(table_text([row], header=False))
                    unfinished.flush()
                reporter.end_item(_result(reasons))
    for path in sorted(earlier.keys() - {row.path for row in rows}):
        if (out / path).exists():
            problems.append(f"{path}: it was published earlier, and is not in {folder} as it was; delete {out / path}")
    write_table(out / TABLE, rows)
    unfinished_table(out).unlink()
    return Publication(len(rows) - unchanged, unchanged, tuple(problems), out / TABLE)


def published_rows(out: Path) -> list[MarkedFile]:
    """The rows of a published folder: of its table, and of the rows of a run that was interrupted.

    Raises Problems where a table cannot be read.
    """
    rows = {row.path: row for row in read_table(out / TABLE)} if (out / TABLE).exists() else {}
    if (unfinished := unfinished_table(out)).exists():
        text = unfinished.read_text(encoding="utf-8", errors="replace")
        whole_lines = text[: text.rfind("\n") + 1]
        write_text(unfinished, whole_lines or table_text(()))
        rows |= {row.path: row for row in read_table(unfinished, last_counts=True)}
    return list(rows.values())


def unfinished_table(out: Path) -> Path:
    """The table of a published folder while files are signed: rows so far, also of earlier runs."""
    return out / _UNFINISHED


def mark_problems(video: Path) -> tuple[dict[str, str], list[str]]:
    """Our own tags of a video, and what is wrong with them or with its XMP, in words.

    Raises MediaError where the file cannot be opened as a video.
    """
    tags, xmp = read_own_tags(video), read_xmp(video)
    problems = [] if xmp.found_packet else ["it has no XMP packet"]
    problems += [xmp.problem] if xmp.problem else []
    return tags, problems + tag_problems(tags, xmp.source_type)


def _refusals(video: Path, permission: PublicationPermission) -> list[str]:
    """Why a video may not be passed on, in words; nothing where it may, and where it has no tags and so is not ours."""
    try:
        tags = read_own_tags(video)
    except MediaError:
        return []
    problem = permission.problem(video, tags) if tags else ""
    return [problem] if problem else []


def _publish_video(video: Path, path: str, out: Path, signer: VideoSigner) -> tuple[MarkedFile | None, list[str]]:
    """Signs one video; returns its row, or None and the reasons why it was not signed."""
    try:
        tags, problems = mark_problems(video)
        if read_manifest(video).state != "absent":
            problems.append("it has a C2PA manifest already; sign the rendered file, not a published one")
        if problems:
            return None, problems
        looks = hash_of_video(video)
        with atomic_output(out / path) as aside:
            signer.sign(video, aside, tags)
            reading = read_manifest(aside)
            if not reading.valid:
                raise _NotValid(f"the signed file is not valid: {', '.join(reading.problems)}")
            published = sha256_of(aside)
    except MediaError as error:
        return None, [error.detail]
    except _NotValid as error:  # nothing of it is left
        return None, [str(error)]
    source_type = tags.get(SOURCE_TYPE_TAG, "")
    return MarkedFile(path, tags.get("video", ""), source_type, sha256_of(video), published, looks), []


class _NotValid(Exception):
    """A signed file that the library does not find valid."""


def _unchanged(video: Path, row: MarkedFile | None, out: Path) -> MarkedFile | None:
    """The row of an earlier run, where the video and its published copy are still those of the row."""
    if row is None or not (out / row.path).is_file():
        return None
    same = sha256_of(video) == row.rendered_sha256 and sha256_of(out / row.path) == row.published_sha256
    return row if same else None


def _result(problems: list[str]) -> ItemResult:
    return rejected("not_signed", "; ".join(problems)) if problems else ok()


def _videos(folder: Path) -> list[Path]:
    """The mp4 files below a folder, without hidden files and folders, in the order of their paths."""
    if not folder.is_dir():
        raise NvfairError("there is no such folder", where=folder)
    if (folder / TABLE).exists():
        raise NvfairError("these files are published already", where=folder, remedy="name that of the rendered files")
    videos = list(_visible(folder))
    if not videos:
        raise NvfairError(f"there is no {SUFFIX} file in it", where=folder, remedy="name a data set or its videos")
    return videos


def _visible(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _check_folders(folder: Path, out: Path, videos: list[Path]) -> None:
    """Raises NvfairError where `out` is in `folder` or the other way round, or holds files of another kind."""
    inner, outer = out.resolve(), folder.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise NvfairError(
            f"the published files would be in {folder}, or around it", where=out, remedy="name a folder beside it"
        )
    known = out.is_dir() and any((out / name).exists() for name in (TABLE, _UNFINISHED))
    if out.is_dir() and any(out.iterdir()) and not known:
        raise NvfairError(f"it holds files, and no {TABLE}", where=out, remedy="name a new folder, or a published one")
    make_folder(out)
    check_writable(out)
    remove_partial_outputs(out)
