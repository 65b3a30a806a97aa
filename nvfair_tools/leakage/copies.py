"""Checks for one recording under two names: by how the face moves, by its pictures, and by the bytes of portraits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.leakage.audit_check import AuditCase, AuditCheck, check_of_cases, unchecked
from nvfair_tools.leakage.motion_copies import find_motion_copies
from nvfair_tools.leakage.motion_hash import MotionHash, motion_hash
from nvfair_tools.leakage.picture_copies import find_picture_copies
from nvfair_tools.quantities import count_text

Progress = Callable[[int, int], None]
_VIDEOS = "videos.parquet"
_TRACKS_AT_ONCE = 256
_OTHERS, _OWN = "recordings of two people with the same {}", "recordings of a person that are there twice, by their {}"


def motion_checks(dataset: Dataset, progress: Progress = lambda done, total: None) -> list[AuditCheck]:
    """Looks for recordings with the same motion, by the stored landmarks of a video of each driving clip."""
    listed = _recordings(dataset.usable())
    is_here = {part: (dataset.folder / part).is_file() for part in set(listed["part"])}
    recordings = listed[listed["part"].map(is_here).astype(bool)].reset_index(drop=True)
    hashes = _motion_hashes(dataset, recordings, progress)
    if not any(value is not None for value in hashes):
        reason = "no video has two seconds of landmarks" if len(recordings) else "no landmarks in the folder"
        return [unchecked(question, reason) for question in questions_about("motion")]
    pairs = [
        (copy.first, copy.second, f"distance {copy.distance:.2f} over {copy.overlap:.1f} s, {_how(copy.mirrored)}")
        for copy in find_motion_copies(hashes)
    ]
    short, absent = sum(value is None for value in hashes), len(listed) - len(recordings)
    all_listed = count_text(len(listed), "recording")
    texts = [f"shorter than two seconds or with too few faces: {short} of {all_listed}" if short else ""]
    texts += [f"the landmarks of {absent} are not in the folder" if absent else ""]
    partial = "; ".join(filter(None, texts))
    return _copy_checks("motion", recordings, pairs, partial)


def picture_checks(
    dataset: Dataset, workers: int = 1, progress: Progress = lambda done, total: None
) -> list[AuditCheck]:
    """Looks for recordings with the same pictures, by the perceptual hashes of the originals' files."""
    usable = dataset.videos[dataset.videos["state"] == "ok"]
    real = usable[(usable["kind"] == "real") & usable["path"].notna()].sort_values("video").reset_index(drop=True)
    paths = [dataset.folder / path for path in real["path"]]
    questions = questions_about("pictures")
    if not len(real):
        return [unchecked(question, "the set has no videos of its recordings") for question in questions]
    if not any(path.is_file() for path in paths):
        return [unchecked(question, "no videos in the folder") for question in questions]
    hashes: list[str] = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for number, text in enumerate(pool.map(_picture_hash, paths), 1):
            hashes.append(text)
            progress(number, len(paths))
    pairs = [
        (copy.first, copy.second, f"distance {copy.distance:.2f}, {_how(copy.mirrored)}")
        for copy in find_picture_copies(hashes)
    ]
    missing = hashes.count("")
    partial = f"missing or unreadable: {missing} of {count_text(len(hashes), 'video')}" if missing else ""
    return _copy_checks("pictures", real, pairs, partial)


def portrait_check(dataset: Dataset) -> AuditCheck:
    """Looks for one picture that is the portrait of two people, by the bytes of the files."""
    question = "pictures that are the portraits of two people"
    listed = dataset.identities.dropna(subset=["portrait"])
    files = [
        (str(identity), path)
        for identity, path in listed[["identity", "portrait"]].itertuples(index=False)
        if (dataset.folder / path).is_file()
    ]
    if not files:
        return unchecked(question, "no portraits in the folder" if len(listed) else "the set has no portraits")
    people: dict[str, list[tuple[str, str]]] = {}
    for identity, path in files:
        people.setdefault(sha256_of(dataset.folder / path), []).append((identity, path))
    cases = [
        AuditCase(group[0][1], group[0][0], f"the bytes of {', '.join(f'{path} ({name})' for name, path in group[1:])}")
        for group in people.values()
        if len(group) > 1
    ]
    return check_of_cases(question, cases)


def questions_about(what: str) -> tuple[str, str]:
    """The questions of the two checks by "motion" or "pictures": about two people, and about one."""
    return _OTHERS.format(what), _OWN.format(what)


def _recordings(usable: pd.DataFrame) -> pd.DataFrame:
    """A video of each driving clip: its original where it has frames, else a self-reenactment, else any."""
    kinds = {"real": 0, "self": 1, "cross": 2}
    ordered = usable.assign(rank=usable["kind"].map(kinds)).sort_values(["clip", "rank", "video"])
    # By part, so that each is read once.
    return ordered.drop_duplicates("clip").sort_values(["part", "first_row"]).reset_index(drop=True)


def _motion_hashes(dataset: Dataset, recordings: pd.DataFrame, progress: Progress) -> list[MotionHash | None]:
    hashes: list[MotionHash | None] = []
    for start in range(0, len(recordings), _TRACKS_AT_ONCE):
        tracks = dataset.tracks(recordings["video"].iloc[start : start + _TRACKS_AT_ONCE])
        hashes += [motion_hash(landmarks, valid, time) for _, landmarks, valid, time in tracks]
        progress(len(hashes), len(recordings))
    return hashes


def _picture_hash(path: Path) -> str:
    """The perceptual hash of a video; "" where it is missing or cannot be read."""
    from nvfair_tools.marks.perceptual_hash import hash_of_video

    try:
        return hash_of_video(path)
    except (NvfairError, OSError):
        return ""


def _how(mirrored: bool) -> str:
    return "mirrored" if mirrored else "not mirrored"


def _copy_checks(
    what: str, recordings: pd.DataFrame, pairs: Sequence[tuple[int, int, str]], partial: str
) -> list[AuditCheck]:
    """The checks for two people and for one, from pairs of row numbers with their likeness in words."""
    people, splits = recordings["driver"].tolist(), recordings["split"].tolist()
    cases: tuple[list[AuditCase], list[AuditCase]] = ([], [])
    for first, second, likeness in pairs:
        names = [f"{recordings['clip_name'].iloc[row]} of {people[row]} ({splits[row]})" for row in (first, second)]
        where = f"{names[0]} and {names[1]}, video {recordings['video'].iloc[second]}: {likeness}"
        cases[people[first] == people[second]].append(AuditCase(_VIDEOS, str(recordings["video"].iloc[first]), where))
    return [
        check_of_cases(question, of_question, partial=partial)
        for question, of_question in zip(questions_about(what), cases, strict=True)
    ]
