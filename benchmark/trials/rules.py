"""The rules: which first and which second videos make a target's genuine and impostor trials.

Legend: N videos of the table, T templates, k clips a template.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.protocols.schema import TrialRule, Trials
from benchmark.trials.pair_sets import ClipCondition, PairList, PairProduct, VideoCodes
from nvfair_tools.errors import NvfairError

NO_TEMPLATE = "target_without_clips_for_a_template"
_NO_VIDEOS = np.empty(0, np.int32)


@dataclass(frozen=True)
class TrialBlock:
    """One target's trials before their pairs are made.

    templates: (T, k) positions; the first number of a pair is then N + the row of its template. reason: why there are
    no trials, where the counts alone do not say it.
    """

    target: str
    genuine: PairProduct | PairList
    impostor: PairProduct | PairList
    templates: np.ndarray | None = None
    reason: str = ""


@dataclass(frozen=True)
class _CellVideos:
    """A cell's videos in numbers.

    first, second: positions of the videos that may come first and second in a pair, ordered by id; same_videos: both
    are the same. people: names, sorted; target: (N,) numbers among them, as are the drivers in `codes`.
    """

    first: np.ndarray
    second: np.ndarray
    same_videos: bool
    people: np.ndarray
    target: np.ndarray
    codes: VideoCodes

    def self_driven(self, videos: np.ndarray, person: int) -> np.ndarray:
        """Those of `videos` that show a person's face driven by the same person."""
        videos = self.with_face(videos, person)
        return videos[self.codes.driver[videos] == person]

    def cross_driven(self, videos: np.ndarray, person: int) -> np.ndarray:
        """Those of `videos` that show a person's face driven by somebody else."""
        videos = self.with_face(videos, person)
        return videos[self.codes.driver[videos] != person]

    def with_face(self, videos: np.ndarray, person: int) -> np.ndarray:
        """Those of `videos` that show a person's face."""
        return videos[self.target[videos] == person]

    def driven_by(self, videos: np.ndarray, person: int) -> np.ndarray:
        """Those of `videos` that a person drives."""
        return videos[self.codes.driver[videos] == person]


def make_blocks(videos: pd.DataFrame, enrolment: str, probe: str, rule: Trials) -> Iterator[TrialBlock]:
    """Every target's block in canonical order; first videos by generator `enrolment`, second ones by `probe`.

    Raises NvfairError where a video's id occurs twice, and where the table lacks a column that the rule needs.
    """
    cell = _cell_videos(videos, enrolment, probe, rule)
    clip: ClipCondition = "same" if rule.only_shared_clips else "any" if rule.share_driving_clip else "other"
    if rule.rule is TrialRule.SAME_DRIVER:
        for _, collection in _collections(videos, cell):
            yield from _same_driver_blocks(collection, clip)
        return
    if rule.rule is TrialRule.DIFFERENT_FACE:
        for faces, collection in _collections(videos, cell):
            yield from _different_face_blocks(collection, faces, clip)
        return
    for person in _present(cell.target, cell.first, cell.second):
        name = str(cell.people[person])
        if rule.template is not None:
            yield _template_block(cell, person, rule)
        elif rule.rule is TrialRule.SELF_SELF_VS_SELF_CROSS:
            enrolled, probes = cell.self_driven(cell.first, person), cell.self_driven(cell.second, person)
            genuine = PairProduct(enrolled, probes, cell.codes, unordered=cell.same_videos, clip=clip)
            impostor = PairProduct(enrolled, cell.cross_driven(cell.second, person), cell.codes)
            yield TrialBlock(name, genuine, impostor)
        else:
            first, second = cell.cross_driven(cell.first, person), cell.cross_driven(cell.second, person)
            genuine = PairProduct(first, second, cell.codes, unordered=cell.same_videos, driver="same", clip=clip)
            impostor = PairProduct(first, second, cell.codes, unordered=cell.same_videos, driver="other")
            yield TrialBlock(name, genuine, impostor)


def _same_driver_blocks(cell: _CellVideos, clip: ClipCondition) -> Iterator[TrialBlock]:
    """Blocks of a driver's pairs, each pair in one block: 24 people with 5,166 videos have 13 million of them.

    Unordered pairs across two people belong to one of the two by turns, as in a round-robin tournament, so that every
    block has about half of the other people and no block is much larger than the rest.
    """
    drivers = _present(cell.codes.driver, cell.first, cell.second)
    first, second = ([cell.driven_by(videos, person) for person in drivers] for videos in (cell.first, cell.second))
    for n, person in enumerate(drivers):
        impostor_probes = [
            probes
            for other, probes in enumerate(second)
            if other != n and (not cell.same_videos or _owner_of_pairs(n, other) == n)
        ]
        yield TrialBlock(
            str(cell.people[person]),
            PairProduct(first[n], second[n], cell.codes, unordered=cell.same_videos, clip=clip),
            PairProduct(first[n], np.concatenate([_NO_VIDEOS, *impostor_probes]), cell.codes),
        )


def _owner_of_pairs(person: int, other: int) -> int:
    """Which of two people (by number) has the pairs between them."""
    lower, higher = sorted((person, other))
    return lower if (lower + higher) % 2 else higher


def _different_face_blocks(cell: _CellVideos, faces: np.ndarray, clip: ClipCondition) -> Iterator[TrialBlock]:
    """Blocks whose enrolled videos are self-driven and whose probes show another face that somebody else drives."""
    driver = cell.codes.driver
    cross_driven = cell.second[driver[cell.second] != cell.target[cell.second]]
    for person in faces:
        enrolled = cell.self_driven(cell.first, person)
        probes = cross_driven[cell.target[cross_driven] != person]
        is_genuine = driver[probes] == person
        yield TrialBlock(
            str(cell.people[person]),
            PairProduct(enrolled, probes[is_genuine], cell.codes, clip=clip),
            PairProduct(enrolled, probes[~is_genuine], cell.codes),
        )


def _template_block(cell: _CellVideos, person: int, rule: Trials) -> TrialBlock:
    """Each probe against templates of k drawn clips other than the probe's own.

    Every draw orders the enrolled clips anew and takes the first k: without the probe's clip for a genuine trial, of
    all clips for the impostor trials. Draws that give the same template give one trial.
    """
    assert rule.template is not None
    clip, size = cell.codes.clip, rule.template.clips
    name = str(cell.people[person])
    # One video a clip: the first by id, should a set have rendered a clip twice.
    enrolled = cell.self_driven(cell.first, person)
    enrolled = enrolled[np.sort(np.unique(clip[enrolled], return_index=True)[1])]
    probes, impostor_probes = cell.self_driven(cell.second, person), cell.cross_driven(cell.second, person)
    if len(enrolled) < size:
        no_pairs = PairList(np.empty((0, 2), np.int32))
        return TrialBlock(name, no_pairs, no_pairs, np.empty((0, size), np.int32), NO_TEMPLATE)
    # Templates are tuples of rows of `enrolled`, sorted.
    impostor_templates: set[tuple[int, ...]] = set()
    genuine_trials: list[tuple[tuple[int, ...], int]] = []
    for draw in range(rule.template.draws):
        rng = np.random.default_rng([rule.seed, draw, zlib.crc32(name.encode())])
        order = rng.permutation(len(enrolled))
        impostor_templates.add(tuple(sorted(order[:size].tolist())))
        for n, probe in enumerate(probes):
            members = order[clip[enrolled[order]] != clip[probe]][:size]
            if len(members) == size:
                genuine_trials.append((tuple(sorted(members.tolist())), n))
    # Templates are numbered on after the N videos, in the order of their members.
    templates = sorted(impostor_templates | {template for template, _ in genuine_trials})
    number = {template: len(clip) + n for n, template in enumerate(templates)}
    genuine_rows = sorted({(number[template], n) for template, n in genuine_trials})
    genuine = np.array(genuine_rows, np.int32).reshape(-1, 2)
    genuine[:, 1] = probes[genuine[:, 1]]
    impostor_firsts = np.array(sorted(number[template] for template in impostor_templates), np.int32)
    impostor = PairProduct(impostor_firsts, impostor_probes, cell.codes)
    return TrialBlock(name, PairList(genuine), impostor, enrolled[np.array(templates, dtype=int)])


def _cell_videos(videos: pd.DataFrame, enrolment: str, probe: str, rule: Trials) -> _CellVideos:
    """The videos of a cell that may come first and second, drawn and restricted as the rule says."""
    if not videos["video"].is_unique:
        repeated = videos["video"][videos["video"].duplicated()].iloc[0]
        raise NvfairError(f"video {repeated} is there twice", expected="a table in which every id occurs once")
    if rule.scenarios is not None and "scenario" not in videos:
        raise NvfairError("the videos' table has no column 'scenario'", remedy="name the scenario of each clip")
    names = videos["video"].to_numpy(dtype=object)
    order = np.argsort(names, kind="stable").astype(np.int32)
    # People have one numbering in both roles; clips of different drivers are different clips.
    codes, people = pd.factorize(pd.concat([videos["target"], videos["driver"]]), sort=True)
    target, driver = codes[: len(videos)], codes[len(videos) :]
    clip = pd.factorize(driver.astype(np.int64) * len(videos) + pd.factorize(videos["clip"])[0])[0]
    generator_of_video = videos["generator"].to_numpy(dtype=object)
    sides = []
    for side, generator in enumerate((enrolment, probe)):
        keep = generator_of_video[order] == generator
        if rule.scenarios is not None:
            keep &= videos["scenario"].to_numpy(dtype=object)[order] == rule.scenarios[side]
        sides.append(_drawn_videos(order[keep], videos, generator, target, driver, clip, rule))
    same_videos = enrolment == probe and (rule.scenarios is None or rule.scenarios[0] == rule.scenarios[1])
    people = np.asarray(people, dtype=object)
    return _CellVideos(sides[0], sides[1], same_videos, people, target, VideoCodes(driver, clip))


def _collections(videos: pd.DataFrame, cell: _CellVideos) -> Iterator[tuple[np.ndarray, _CellVideos]]:
    """One collection at a time: the people whose faces it has, and the cell's videos of it."""
    source = videos["source"].to_numpy(dtype=object)
    for name in sorted({*source[cell.first], *source[cell.second]}):
        first, second = (side[source[side] == name] for side in (cell.first, cell.second))
        part = _CellVideos(first, second, cell.same_videos, cell.people, cell.target, cell.codes)
        yield _present(cell.target, first, second), part


def _present(code: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sorted numbers of the people whom `code` (N,) names in the first or the second videos."""
    return np.union1d(code[first], code[second])


def _drawn_videos(
    side: np.ndarray,
    videos: pd.DataFrame,
    generator: str,
    target: np.ndarray,
    driver: np.ndarray,
    clip: np.ndarray,
    rule: Trials,
) -> np.ndarray:
    """The videos of `side` that `clips_per_driver` leaves, drawn by the seed and names alone."""
    if rule.clips_per_driver == 0 or len(side) == 0:
        return side
    if rule.rule is TrialRule.DIFFERENT_FACE:
        drawn = _drawn_clips(side, videos["clip"].to_numpy(dtype=object), driver, clip, rule)
        return side[np.isin(clip[side], drawn)]
    names = videos[["target", "driver"]].to_numpy(dtype=object)
    # One number a (target, driver) pair.
    pair = target[side].astype(np.int64) * (int(driver.max()) + 1) + driver[side]
    drawn_rows = []
    for number in np.unique(pair):
        rows = side[pair == number]
        if len(rows) > rule.clips_per_driver:
            key = f"{names[rows[0], 0]}/{names[rows[0], 1]}/{generator}"
            rng = np.random.default_rng([rule.seed, zlib.crc32(key.encode())])
            rows = rows[np.sort(rng.choice(len(rows), rule.clips_per_driver, replace=False))]
        drawn_rows.append(rows)
    return side[np.isin(side, np.concatenate(drawn_rows))]


def _drawn_clips(side: np.ndarray, names: np.ndarray, driver: np.ndarray, clip: np.ndarray, rule: Trials) -> np.ndarray:
    """Each driver's first clips in the order of a hash of their names, so that faces and generators draw alike."""
    _, first_of_clip = np.unique(clip[side], return_index=True)
    clips_by_driver: dict[int, list[tuple[str, int]]] = {}
    for video in side[first_of_clip]:
        digest = hashlib.sha256(f"{rule.seed}/{names[video]}".encode()).hexdigest()
        clips_by_driver.setdefault(int(driver[video]), []).append((digest, int(clip[video])))
    return np.array(
        [number for clips in clips_by_driver.values() for _, number in sorted(clips)[: rule.clips_per_driver]]
    )
