"""What of a data set is sent to the Hub: the files that it names, where all of them may be passed on.

Anything else in the folder stays: the build's own `.build`, caches, keys of hidden sets, notes of the curator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.dataset.checking.check import Progress
from nvfair_tools.dataset.describing.card_metadata import metadata_problems
from nvfair_tools.dataset.exports.copies import sizes_of
from nvfair_tools.dataset.exports.permitted import USE, check_permitted, permitted_videos
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError, Problems

CARD, META = "README.md", "dataset.json"
# Reasons in videos.parquet of people who have withdrawn.
_WITHDRAWN = ("revoked", "consent_withdrawn")


@dataclass(frozen=True)
class SignedCopies:
    """Signed copies of a set's videos. folder: where they are. hashes: {path below it: (SHA-256 of the video before
    it was signed, SHA-256 of the copy)}, as the table of `nvfair mark` has them. table: its file's name."""

    folder: Path
    hashes: Mapping[str, tuple[str, str]]
    table: str


@dataclass(frozen=True)
class SentFile:
    """A file that is sent. path: in the repository. place: on this disk. sha256: "" where nothing names it."""

    path: str
    place: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class PushPlan:
    """What would be sent. not_sent: files in the folder that are no part of the set. unsigned: number of videos
    without a signature of their curator. remarks: of the check."""

    folder: Path
    repo: str
    files: tuple[SentFile, ...]
    not_sent: tuple[str, ...]
    unsigned: int
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    def counts(self) -> list[tuple[str, int, int]]:
        """(place, files, bytes) for each folder of the set, and for the files that lie in none."""
        files: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for file in self.files:
            name = f"{file.path.partition('/')[0]}/" if "/" in file.path else "tables and card"
            files[name] += 1
            sizes[name] += file.size
        return [(name, files[name], sizes[name]) for name in sorted(files)]


def plan_push(
    data: str | Path,
    repo: str,
    *,
    signed: SignedCopies | None = None,
    day: date | None = None,
    progress: Progress = lambda *_: None,
) -> PushPlan:
    """Checks a data set and says what of it would be sent to the repository `repo` ("owner/name").

    signed: copies that are sent in place of the set's videos. day: for which rights are decided; default, today.
    Raises NvfairError, Problems where the set is not whole, has no card that the Hub could read, holds anything that
    may not be passed on or a row of a person who has withdrawn, or where a video has no signed copy.
    """
    _check_repo(repo)
    dataset = Dataset.open(data)
    _check_rights(dataset, day)
    if problems := metadata_problems(dataset.folder / CARD):
        raise Problems(dataset.folder / CARD, problems, remedy="`nvfair dataset card` writes the card anew")
    outcome = check_dataset(dataset.folder, progress=progress)
    if outcome.faults:
        raise Problems(
            dataset.folder, [str(fault) for fault in outcome.faults], remedy="`nvfair dataset repair` may mend it"
        )
    files = tuple(sorted(_files(dataset, signed), key=lambda file: file.path))
    videos = _paths(dataset)
    named = {file.path for file in files} | set(videos)
    return PushPlan(
        dataset.folder,
        repo,
        files,
        tuple(_others(dataset.folder, named)),
        len(videos) if signed is None else 0,
        outcome.remarks,
    )


def _check_repo(repo: str) -> None:
    from nvfair_tools.dataset.hub.library import hub_library

    hub = hub_library()
    problem = "" if repo.count("/") == 1 else "it names no owner"
    try:
        hub.utils.validate_repo_id(repo)
    except ValueError as error:
        problem = str(error).splitlines()[0]
    if problem:
        raise NvfairError(f"{repo!r} is not the name of a repository: {problem}", expected="OWNER/NAME")


def _check_rights(dataset: Dataset, day: date | None) -> None:
    """Raises NvfairError where a video, a portrait or a row is that of somebody who has not agreed."""
    remedy = (
        "a part of a set cannot be sent: build it with `rights: {use: [training, redistribution]}` and a consent "
        "table, which leaves out whoever has not agreed"
    )
    check_permitted(dataset, permitted_videos(dataset, day), remedy)
    gone = Counter(reason for reason in dataset.videos["reason"] if reason in _WITHDRAWN)
    if gone:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(gone.items()))
        raise NvfairError(
            f"rows of people who have withdrawn: {counts}",
            where=dataset.folder / "videos.parquet",
            remedy="`nvfair revoke` removes them; take the people out of the list of clips before you build again",
        )
    people = dataset.identities[dataset.identities["portrait"].notna()]
    people = people.assign(kind="real", target=people["identity"], driver=people["identity"])
    decisions = DatasetRights(dataset, day).decisions(people, USE)
    problems = [
        f"{person}: {decision.detail}"
        for person, decision in zip(people["identity"], decisions, strict=True)
        if not decision.permitted
    ]
    if problems:
        raise Problems(dataset.folder / "portraits", problems, remedy=remedy)


def _files(dataset: Dataset, signed: SignedCopies | None) -> Iterator[SentFile]:
    """Every file that is sent."""
    videos = _paths(dataset)
    hashes = {**dataset.meta.get("files", {}), **({} if signed else videos)}
    names = {META, CARD, *hashes, *dataset.identities["portrait"].dropna()} - (videos.keys() if signed else set())
    ordered = sorted(names)
    for name, size in zip(ordered, sizes_of(dataset.folder, ordered), strict=True):
        yield SentFile(name, dataset.folder / name, size, hashes.get(name, ""))
    if signed is not None:
        yield from _signed_files(videos, signed)


def _signed_files(videos: Mapping[str, str], signed: SignedCopies) -> Iterator[SentFile]:
    """The signed copy of each video, and their table, at the places of the videos. Raises Problems naming all that
    are missing or are copies of other files."""
    problems = []
    for path, sha256 in sorted(videos.items()):
        name = path.removeprefix("videos/")
        rendered, published = signed.hashes.get(name, ("", ""))
        place = signed.folder / name
        if not rendered or not place.is_file():
            problems.append(f"{name}: there is no signed copy of it")
        elif rendered != sha256:
            problems.append(f"{name}: the signed copy is one of another file")
        else:
            yield SentFile(path, place, place.stat().st_size, published)
    if problems:
        raise Problems(signed.folder, problems, remedy="sign the set's videos once more with `nvfair mark`")
    table = signed.folder / signed.table
    yield SentFile(f"videos/{signed.table}", table, table.stat().st_size, "")


def _paths(dataset: Dataset) -> dict[str, str]:
    """{path: SHA-256, or ""} of the videos of a set."""
    rows = dataset.videos[(dataset.videos["state"] == "ok") & dataset.videos["path"].notna()]
    return {
        str(path): "" if pd.isna(sha256) else str(sha256)
        for path, sha256 in zip(rows["path"], rows["sha256"], strict=True)
    }


def _others(folder: Path, named: set[str]) -> list[str]:
    """Files of the folder that are not sent; of hidden folders, their name alone."""
    others = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") and path.is_dir():
            others.append(f"{path.name}/")
        else:
            files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
            names = [file.relative_to(folder).as_posix() for file in files]
            others += [name for name in names if name not in named]
    return others
