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
from benchmark.trials.pair_sets import Clip, Codes, PairList, Product
from nvfair_tools.errors import NvfairError

NO_TEMPLATE = "target_without_clips_for_a_template"
_NOBODY = np.empty(0, np.int32)


@dataclass(frozen=True)
class Block:
    """One target's trials before they are made. templates: (T, k) positions; the first of a pair is then N + its row.

    reason: why there is nothing, where the counts alone do not say.
    """

    target: str
    genuine: Product | PairList
    impostor: Product | PairList
    templates: np.ndarray | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Sides:
    """A cell's videos in numbers.

    first, second: positions of the videos that may come first and second, by id; `once`: they are the same videos.
    people: names, sorted; target: (N,) numbers among them, as the codes' drivers are.
    """

    first: np.ndarray
    second: np.ndarray
    once: bool
    people: np.ndarray
    target: np.ndarray
    codes: Codes

    def own(self, side: np.ndarray, person: int) -> np.ndarray:
        """Self-reenactments of a person."""
        side = self.of(side, person)
        return side[self.codes.driver[side] == person]

    def others(self, side: np.ndarray, person: int) -> np.ndarray:
        """Videos of a person's face that somebody else drives."""
        side = self.of(side, person)
        return side[self.codes.driver[side] != person]

    def of(self, side: np.ndarray, person: int) -> np.ndarray:
        """Videos of a person's face."""
        return side[self.target[side] == person]


def blocks(videos: pd.DataFrame, enrolment: str, probe: str, rule: Trials) -> Iterator[Block]:
    """Every target's block in canonical order; first videos by generator `enrolment`, second ones by `probe`.

    Raises NvfairError where a video's id is there twice, and where the rule needs a column that is not there.
    """
    sides = _sides(videos, enrolment, probe, rule)
    clip: Clip = "same" if rule.only_shared_clips else "any" if rule.share_driving_clip else "other"
    if rule.rule is TrialRule.SAME_DRIVER:
        for _, part in _collections(videos, sides):
            yield from _same_driver(part, clip)
        return
    if rule.rule is TrialRule.DIFFERENT_FACE:
        for there, part in _collections(videos, sides):
            yield from _different_face(part, there, clip)
        return
    for person in _faces(sides.target, sides.first, sides.second):
        name = str(sides.people[person])
        if rule.template is not None:
            yield _templates(sides, person, rule)
        elif rule.rule is TrialRule.SELF_SELF_VS_SELF_CROSS:
            own = sides.own(sides.first, person)
            genuine = Product(own, sides.own(sides.second, person), sides.codes, once=sides.once, clip=clip)
            yield Block(name, genuine, Product(own, sides.others(sides.second, person), sides.codes))
        else:
            first, second = sides.others(sides.first, person), sides.others(sides.second, person)
            genuine = Product(first, second, sides.codes, once=sides.once, driver="same", clip=clip)
            yield Block(name, genuine, Product(first, second, sides.codes, once=sides.once, driver="other"))


def _same_driver(sides: _Sides, clip: Clip) -> Iterator[Block]:
    """Blocks of a driver's pairs, each pair in one block: 24 people with 5,166 videos have 13 million of them.

    Unordered pairs across two people belong to one of the two by turns, as in a round-robin tournament, so that every
    block has about half of the other people and no block is much larger than the rest.
    """
    drivers = _faces(sides.codes.driver, sides.first, sides.second)
    first, second = (
        [side[sides.codes.driver[side] == person] for person in drivers] for side in (sides.first, sides.second)
    )
    for at, person in enumerate(drivers):
        theirs = [
            videos for other, videos in enumerate(second) if other != at and (not sides.once or _owner(at, other) == at)
        ]
        yield Block(
            str(sides.people[person]),
            Product(first[at], second[at], sides.codes, once=sides.once, clip=clip),
            Product(first[at], np.concatenate([_NOBODY, *theirs]), sides.codes),
        )


def _owner(one: int, other: int) -> int:
    """Which of two people (by number) has their pairs."""
    first, second = sorted((one, other))
    return first if (first + second) % 2 else second


def _different_face(sides: _Sides, there: np.ndarray, clip: Clip) -> Iterator[Block]:
    driver = sides.codes.driver
    cross = sides.second[driver[sides.second] != sides.target[sides.second]]
    for person in there:
        own = sides.own(sides.first, person)
        elsewhere = cross[sides.target[cross] != person]
        his = driver[elsewhere] == person
        yield Block(
            str(sides.people[person]),
            Product(own, elsewhere[his], sides.codes, clip=clip),
            Product(own, elsewhere[~his], sides.codes),
        )


def _templates(sides: _Sides, person: int, rule: Trials) -> Block:
    """Each probe against the first k drawn clips other than its own, once for each draw that gives another template."""
    assert rule.template is not None
    clip, size = sides.codes.clip, rule.template.clips
    name = str(sides.people[person])
    own = sides.own(sides.first, person)
    # One video a clip: the first by id, should a set have rendered a clip twice.
    own = own[np.sort(np.unique(clip[own], return_index=True)[1])]
    probes, strangers = sides.own(sides.second, person), sides.others(sides.second, person)
    if len(own) < size:
        nothing = PairList(np.empty((0, 2), np.int32))
        return Block(name, nothing, nothing, np.empty((0, size), np.int32), NO_TEMPLATE)
    standard: set[tuple[int, ...]] = set()
    against: list[tuple[tuple[int, ...], int]] = []
    for draw in range(rule.template.draws):
        rng = np.random.default_rng([rule.seed, draw, zlib.crc32(name.encode())])
        order = rng.permutation(len(own))
        standard.add(tuple(sorted(order[:size].tolist())))
        for n, probe in enumerate(probes):
            left = order[clip[own[order]] != clip[probe]][:size]
            if len(left) == size:
                against.append((tuple(sorted(left.tolist())), n))
    known = sorted(standard | {template for template, _ in against})
    number = {template: len(clip) + n for n, template in enumerate(known)}
    genuine = np.array(sorted({(number[template], n) for template, n in against}), np.int32).reshape(-1, 2)
    genuine[:, 1] = probes[genuine[:, 1]]
    enrolled = np.array(sorted(number[template] for template in standard), np.int32)
    return Block(name, PairList(genuine), Product(enrolled, strangers, sides.codes), own[np.array(known, dtype=int)])


def _sides(videos: pd.DataFrame, enrolment: str, probe: str, rule: Trials) -> _Sides:
    if not videos["video"].is_unique:
        twice = videos["video"][videos["video"].duplicated()].iloc[0]
        raise NvfairError(f"video {twice} is there twice", remedy="videos are told apart by their whole id alone")
    if rule.scenarios is not None and "scenario" not in videos:
        raise NvfairError("the videos' table has no column 'scenario'", remedy="name the scenario of each clip")
    names = videos["video"].to_numpy(dtype=object)
    order = np.argsort(names, kind="stable").astype(np.int32)
    codes, people = pd.factorize(pd.concat([videos["target"], videos["driver"]]), sort=True)
    target, driver = codes[: len(videos)], codes[len(videos) :]
    clip = pd.factorize(driver.astype(np.int64) * len(videos) + pd.factorize(videos["clip"])[0])[0]
    generator = videos["generator"].to_numpy(dtype=object)
    ends = []
    for at, by in enumerate((enrolment, probe)):
        keep = generator[order] == by
        if rule.scenarios is not None:
            keep &= videos["scenario"].to_numpy(dtype=object)[order] == rule.scenarios[at]
        ends.append(_drawn(order[keep], videos, by, target, driver, clip, rule))
    once = enrolment == probe and (rule.scenarios is None or rule.scenarios[0] == rule.scenarios[1])
    return _Sides(ends[0], ends[1], once, np.asarray(people, dtype=object), target, Codes(driver, clip))


def _collections(videos: pd.DataFrame, sides: _Sides) -> Iterator[tuple[np.ndarray, _Sides]]:
    """The sides, one collection at a time, and the people whose faces it has."""
    source = videos["source"].to_numpy(dtype=object)
    for name in sorted({*source[sides.first], *source[sides.second]}):
        first, second = (side[source[side] == name] for side in (sides.first, sides.second))
        part = _Sides(first, second, sides.once, sides.people, sides.target, sides.codes)
        yield _faces(sides.target, first, second), part


def _faces(code: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.union1d(code[first], code[second])


def _drawn(
    side: np.ndarray,
    videos: pd.DataFrame,
    generator: str,
    target: np.ndarray,
    driver: np.ndarray,
    clip: np.ndarray,
    rule: Trials,
) -> np.ndarray:
    """The videos that `clips_per_driver` leaves, drawn by the seed and names alone."""
    if rule.clips_per_driver == 0 or len(side) == 0:
        return side
    if rule.rule is TrialRule.DIFFERENT_FACE:
        return side[np.isin(clip[side], _drawn_clips(side, videos["clip"].to_numpy(dtype=object), driver, clip, rule))]
    people = videos[["target", "driver"]].to_numpy(dtype=object)
    pair = target[side].astype(np.int64) * (int(driver.max()) + 1) + driver[side]
    kept = []
    for group in np.unique(pair):
        rows = side[pair == group]
        if len(rows) > rule.clips_per_driver:
            key = f"{people[rows[0], 0]}/{people[rows[0], 1]}/{generator}"
            rng = np.random.default_rng([rule.seed, zlib.crc32(key.encode())])
            rows = rows[np.sort(rng.choice(len(rows), rule.clips_per_driver, replace=False))]
        kept.append(rows)
    return side[np.isin(side, np.concatenate(kept))]


def _drawn_clips(side: np.ndarray, names: np.ndarray, driver: np.ndarray, clip: np.ndarray, rule: Trials) -> np.ndarray:
    """Each driver's first clips in the order of a hash of their names, so that faces and generators draw alike."""
    _, first = np.unique(clip[side], return_index=True)
    one_each = side[first]
    by_driver: dict[int, list[tuple[str, int]]] = {}
    for video in one_each:
        drawn = hashlib.sha256(f"{rule.seed}/{names[video]}".encode()).hexdigest()
        by_driver.setdefault(int(driver[video]), []).append((drawn, int(clip[video])))
    return np.array([number for some in by_driver.values() for _, number in sorted(some)[: rule.clips_per_driver]])
