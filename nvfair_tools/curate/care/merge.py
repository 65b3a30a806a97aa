"""Joining finished data sets into a new one, or into one that exists, with the card of the joined set."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.curate.card import write_description
from nvfair_tools.curate.care.card_source import ADDED_KEYS
from nvfair_tools.curate.revocation.tables import failed_portraits
from nvfair_tools.dataset.merging import MergePlan, MergeSource, plan_merge, read_source, write_merged
from nvfair_tools.dataset.merging.merge import MARK, check_target
from nvfair_tools.dataset.writer import content_digest
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable

Progress = Callable[[int, int], None]
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2
_HERE = -100  # AT_FDCWD: paths are as the process sees them


@dataclass(frozen=True)
class MergeReport:
    """How data sets were joined. renamed: files that got other names, because two had the same. repeated: videos that
    several sets have, kept once. rewritten: parts that hold such videos and others. remarks: what was left out."""

    folder: Path
    people: int
    videos: int
    parts: int
    renamed: int
    repeated: int
    rewritten: int
    remarks: tuple[str, ...] = ()


def merge(
    out: str | Path,
    folders: Sequence[str | Path],
    *,
    name: str = "",
    copies: bool = False,
    progress: Progress = lambda *_: None,
) -> MergeReport:
    """Joins the data sets in `folders` into a new one in `out`, whose parts, videos and portraits are the same files.

    name: of the joined set; default, theirs. copies: copies files in place of giving them a second name. Interrupted,
    the same call goes on. Raises Problems with everything that they contradict each other in, NvfairError where a set
    is damaged or unfinished, and where `out` holds something else.
    """
    out = Path(out)
    plan = plan_merge([read_source(folder) for folder in folders], name)
    return _report(plan, out, _write(plan, out, copies, progress))


@dataclass(frozen=True)
class PlannedMerge:
    """What `merge` or `append` would do. files, bytes: of parts, videos and portraits that get a second name, or are
    copied. nothing_new: all of it is there already."""

    report: MergeReport
    files: int
    bytes: int
    nothing_new: bool = False


def planned_merge(out: str | Path, folders: Sequence[str | Path], *, name: str = "") -> PlannedMerge:
    """Does what `merge` does before it writes, and raises what it raises."""
    plan = plan_merge([read_source(folder) for folder in folders], name)
    check_target(plan, Path(out))
    return _planned(plan, Path(out))


def planned_append(folder: str | Path, addition: str | Path) -> PlannedMerge:
    """Does what `append` does before it writes, and raises what it raises."""
    folder = Path(folder).absolute()
    appending = _Appending.of(folder, addition)
    if not appending.nothing_new:
        check_target(appending.plan, appending.joined)
    return _planned(appending.plan, folder, appending.nothing_new)


def _planned(plan: MergePlan, folder: Path, nothing_new: bool = False) -> PlannedMerge:
    moves = [] if nothing_new else plan.moves
    return PlannedMerge(
        _report(plan, folder, ()), len(moves), sum(source.stat().st_size for source, _ in moves), nothing_new
    )


def append(
    folder: str | Path, addition: str | Path, *, copies: bool = False, progress: Progress = lambda *_: None
) -> MergeReport:
    """Adds the data set `addition` to that in `folder`, which stays as it is until the joined one takes its place.

    The joined set is made in a folder beside it, and the two folders are exchanged in one step: readers have the old
    state or the new one. Raises what `merge` raises; NvfairError where `folder` has a build that could be continued.
    """
    folder = Path(folder).absolute()
    joined, before = _folder_beside(folder, "appending"), _folder_beside(folder, "before")
    if not folder.exists() and before.is_dir():
        os.replace(before, folder)  # of a run that was killed between two renames
    appending = _Appending.of(folder, addition)
    first, plan = appending.first, appending.plan
    if appending.nothing_new:
        return _report(plan, folder, ["all of it is here already: nothing has changed"])
    if (joined / "dataset.json").is_file() and not (joined / MARK).is_file():
        shutil.rmtree(joined)  # a state of before, which an earlier run had no time to delete
    remarks = _write(plan, joined, copies, progress)
    _carry_others(first, joined)
    exchange_folders(joined, folder, before)
    shutil.rmtree(joined if joined.exists() else before)
    return _report(plan, folder, remarks)


@dataclass(frozen=True)
class _Appending:
    """A set that is added to another. joined: the folder in which the joined set is made."""

    first: MergeSource
    plan: MergePlan
    joined: Path
    nothing_new: bool

    @classmethod
    def of(cls, folder: Path, addition: str | Path) -> _Appending:
        check_writable(folder.parent)
        if (folder / ".build").exists():
            raise NvfairError(
                "the build of this data set can still be continued, and would remove what is appended",
                where=folder / ".build",
                remedy="delete .build if the build is finished for good, or join the sets into a new one: "
                f"nvfair dataset merge OUT {folder} {addition}",
            )
        first, second = read_source(folder), read_source(addition)
        videos_known = set(second.videos["video"]) <= set(first.videos["video"])
        people_known = set(second.people.index) <= set(first.people.index)
        plan = plan_merge([first, second], first.name)
        return cls(first, plan, _folder_beside(folder, "appending"), videos_known and people_known)


def _folder_beside(folder: Path, state: str) -> Path:
    return folder.with_name(f".{folder.name}.{state}")


def _write(plan: MergePlan, out: Path, copies: bool, progress: Progress) -> list[str]:
    has_card = any((source.folder / "README.md").is_file() for source in plan.sources)
    return write_merged(plan, out, _joined_card if has_card else None, copies=copies, progress=progress)


def _joined_card(folder: Path, record: dict[str, Any], identities: pd.DataFrame, videos: pd.DataFrame) -> list[Path]:
    described = {key: value for key, value in record.items() if key not in ADDED_KEYS}
    digest = content_digest(record["files"])
    return write_description(folder, described, identities, videos, failed_portraits(identities), digest)


def _carry_others(source: MergeSource, out: Path) -> None:
    """Gives the files of a set that nothing names, such as a curator's notes, a second name in the new folder."""
    named = {*source.record["files"], *source.usable["path"].dropna(), "dataset.json"}
    for path in sorted(path for path in source.folder.rglob("*") if path.is_file()):
        name = path.relative_to(source.folder).as_posix()
        if name not in named and not name.startswith((".repair/", "quality/", "protocols/")):
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy2(path, target)


def exchange_folders(new: Path, old: Path, before: Path) -> None:
    """Puts `new` where `old` is: in one step where the system can, after which `old` is where `new` was; elsewhere
    `old` is renamed to `before` first."""
    if not _exchanged_in_one_step(new, old):
        os.replace(old, before)
        os.replace(new, old)


def _exchanged_in_one_step(new: Path, old: Path) -> bool:
    """Exchanges two folders by Linux's renameat2; False where system or file system have no such step."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return hasattr(library, "renameat2") and not library.renameat2(
        _HERE, os.fsencode(new), _HERE, os.fsencode(old), _EXCHANGE
    )


def _report(plan: MergePlan, folder: Path, remarks: Sequence[str]) -> MergeReport:
    return MergeReport(
        folder,
        len(plan.identities),
        len(plan.videos),
        len(plan.parts),
        plan.renamed,
        plan.repeated,
        plan.rewritten,
        tuple(remarks),
    )
