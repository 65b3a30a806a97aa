"""Checking the marks of videos: which are there and valid, and which file a copy without marks is a copy of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.marks.manifest import ManifestReading, import_c2pa, read_manifest
from nvfair_tools.marks.own_tags import read_own_tags, tag_problems
from nvfair_tools.marks.perceptual_hash import HashIndex, hash_of_video
from nvfair_tools.marks.table import TABLE, MarkedFile, read_table
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.xmp import read_xmp
from nvfair_tools.pipeline.items import ok, rejected
from nvfair_tools.pipeline.progress import Reporter, Silent

# Copies may have been encoded into any of these.
SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts"))


@dataclass(frozen=True)
class FileMarks:
    """The marks of one file. xmp, tags: "valid", "absent" or "invalid"; c2pa: as in `ManifestReading.state`.

    problems: all that is wrong, in words. copy_of: path of the file in the table that it is a copy of, where it has
    lost marks and looks like that one; distance: between their perceptual hashes.
    """

    path: str
    xmp: str
    tags: str
    c2pa: str
    problems: tuple[str, ...] = ()
    copy_of: str = ""
    distance: float | None = None

    def line(self) -> str:
        """The file in one line."""
        return f"{self.path}: XMP {self.xmp}; tags {self.tags}; C2PA {self.c2pa}"


@dataclass(frozen=True)
class MarkCheck:
    """What a check has found. missing: files of the table that are not in its folder."""

    files: tuple[FileMarks, ...]
    missing: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong, in words with the file."""
        problems = [f"{file.path}: {problem}" for file in self.files for problem in file.problems]
        return problems + [f"{path}: the table lists it, and it is not there" for path in self.missing]

    def counts(self) -> str:
        """The number of files by the state of each mark, as one line a mark."""
        lines = []
        for mark in ("xmp", "tags", "c2pa"):
            states = Counter(getattr(file, mark) for file in self.files)
            name = {"xmp": "XMP", "tags": "tags", "c2pa": "C2PA"}[mark]
            lines.append(f"{name}: " + ", ".join(f"{number} {state}" for state, number in sorted(states.items())))
        if copies := sum(1 for file in self.files if file.copy_of):
            lines.append(f"copies that have lost marks and were found again: {copies}")
        return "\n".join(lines)


def check_marks(
    folder: Path, table: Path | None = None, anchors: str = "", reporter: Reporter | None = None
) -> MarkCheck:
    """Checks every video below a folder.

    table: that of published files (default: `marks.csv` in the folder, where there is one); with it a file must be
    signed, have the published hash, and be in the table, and one without its marks is searched by its pictures.
    Without, a file need not be signed. anchors: PEM of certificates that one trusts. reporter: receives the progress.
    Raises NvfairError where the folder holds no video, Problems where the table is none, MissingExtra where the C2PA
    library is absent.
    """
    import_c2pa()
    reporter = Silent() if reporter is None else reporter
    videos = list(_videos(folder))
    if not videos:
        raise NvfairError("there is no video in it", where=folder, expected=", ".join(sorted(SUFFIXES)))
    own_table = folder / TABLE
    table = own_table if table is None and own_table.exists() else table
    rows = None if table is None else {row.path: row for row in read_table(table)}
    index = HashIndex([(row.path, row.perceptual_hash) for row in rows.values()]) if rows else None
    files = []
    with ExitStack() as stack:
        if isinstance(reporter, AbstractContextManager):
            stack.enter_context(reporter)
        reporter.begin_stage("check marks", len(videos), 0)
        for video in videos:
            marks = _check_file(video, video.relative_to(folder).as_posix(), rows, index, anchors)
            files.append(marks)
            reporter.end_item(rejected("marks", "; ".join(marks.problems)) if marks.problems else ok())
    in_folder = {file.path for file in files}
    missing = sorted(rows.keys() - in_folder) if rows and table == own_table else ()
    return MarkCheck(tuple(files), tuple(missing))


def _check_file(
    video: Path, path: str, rows: dict[str, MarkedFile] | None, index: HashIndex | None, anchors: str
) -> FileMarks:
    xmp, manifest = read_xmp(video), read_manifest(video, anchors)
    try:
        tags = read_own_tags(video)
    except MediaError as error:
        return FileMarks(path, "absent", "absent", manifest.state, (f"it cannot be read as a video: {error.detail}",))
    wrong_tags = tag_problems(tags, xmp.source_type) if tags else []
    problems = [xmp.problem] if xmp.problem else []
    problems += wrong_tags + _manifest_problems(manifest, tags)
    lost = [name for name, there in (("XMP", xmp.found_packet), ("tags", bool(tags))) if not there]
    if rows is not None and manifest.state == "absent":
        lost.append("C2PA manifest")
    row = rows.get(path) if rows is not None else None
    if rows is not None and not lost:
        if row is None:
            problems.append("the table of published files does not list it")
        elif manifest.valid and sha256_of(video) != row.published_sha256:
            problems.append("its hash is not the published one")
    copy_of, distance = "", None  # of a file that has all its marks
    if lost:
        copy_of, distance, text = _original_of(video, index)
        problems.append(f"it has lost its marks ({', '.join(lost)}); {text}")
    return FileMarks(
        path,
        "invalid" if xmp.problem else "valid" if xmp.found_packet else "absent",
        "invalid" if wrong_tags else "valid" if tags else "absent",
        manifest.state,
        tuple(problems),
        copy_of,
        distance,
    )


def _manifest_problems(manifest: ManifestReading, tags: dict[str, str]) -> list[str]:
    if manifest.state == "invalid":
        return [f"its C2PA manifest is not valid: {', '.join(manifest.problems)}"]
    if manifest.valid and dict(manifest.tags) != tags:
        return ["its C2PA manifest and its tags say different things"]
    return []


def _original_of(video: Path, index: HashIndex | None) -> tuple[str, float | None, str]:
    """The published file of which a video is a copy by its pictures, their distance, and both in words."""
    if index is None:
        return "", None, "no table of published files was given in which to look for it"
    try:
        nearest = index.nearest(hash_of_video(video))
    except MediaError as error:
        return "", None, f"its pictures cannot be compared: {error.detail}"
    if nearest is None:
        return "", None, "no published file looks like it"
    return *nearest, f"it looks like {nearest[0]} (distance {nearest[1]:.2f})"


def _videos(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise NvfairError("there is no such folder", where=folder)
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
