"""Trials: which pairs of videos are compared, made by rule, one target (or, same-driver, one driver) at a time.

Legend: N videos, G genuine and I impostor trials of one target.
Canonical order: targets by id, videos by id, genuine before impostor, pairs by first then second video; where drivers
take the place of targets, an impostor pair's second video comes by its driver, then by its id.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nvfair_tools.protocol import TrialRule, Trials

NO_GENUINE = "target_without_genuine_pair"
NO_IMPOSTOR = "target_without_impostor_pair"


@dataclass(frozen=True)
class TargetTrials:
    """All trials of one target within one generator.

    target: whose face is shown; under the same-driver rule, who drives the first video. genuine (G, 2), impostor
    (I, 2): positions in the videos' table.
    """

    target: str
    generator: str
    genuine: np.ndarray
    impostor: np.ndarray

    @property
    def complete(self) -> bool:
        """Whether an AUC can be taken."""
        return len(self.genuine) > 0 and len(self.impostor) > 0

    @property
    def lack(self) -> str:
        """Why the target has no AUC; "" where it has one."""
        return "" if self.complete else NO_GENUINE if len(self.genuine) == 0 else NO_IMPOSTOR


def trial_name(first: str, second: str) -> str:
    """A trial's id from its two videos' ids."""
    return f"{first}|{second}"


def trials(videos: pd.DataFrame, generator: str, rule: Trials) -> Iterator[TargetTrials]:
    """The trials of every target in `videos` (columns video, kind, target, driver, clip, generator; index 0..N-1).

    Nothing is made before it is asked for: on NVFAIR a generator has 2.6 million trials. Targets that lack genuine or
    impostor pairs come too, so that they can be counted.
    """
    of_generator = videos[videos["generator"] == generator]
    if rule.rule is TrialRule.SAME_DRIVER:
        yield from _same_driver(of_generator, videos["clip"].to_numpy(), generator, rule)
        return
    for target, group in of_generator.groupby("target", sort=True):
        chosen = _drawn(group.sort_values("video"), rule)
        if rule.rule is TrialRule.SELF_SELF_VS_SELF_CROSS:
            genuine, impostor = _self_self_vs_self_cross(chosen)
        else:
            genuine, impostor = _cross_cross(chosen)
        if not rule.share_driving_clip and len(genuine):
            clip = videos["clip"].to_numpy()
            genuine = genuine[clip[genuine[:, 0]] != clip[genuine[:, 1]]]
        yield TargetTrials(str(target), generator, genuine, impostor)


def _self_self_vs_self_cross(group: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    positions = group.index.to_numpy()
    is_self = (group["driver"] == group["target"]).to_numpy()
    own, others = positions[is_self], positions[~is_self]
    first, second = np.triu_indices(len(own), k=1)
    genuine = np.stack([own[first], own[second]], axis=1)
    impostor = np.stack([np.repeat(own, len(others)), np.tile(others, len(own))], axis=1)
    return genuine, impostor


def _cross_cross(group: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    cross = group[group["driver"] != group["target"]]
    positions = cross.index.to_numpy()
    driver = cross["driver"].to_numpy()
    first, second = np.triu_indices(len(positions), k=1)
    pairs = np.stack([positions[first], positions[second]], axis=1)
    same = driver[first] == driver[second]
    return pairs[same], pairs[~same]


def _same_driver(of_generator: pd.DataFrame, clip: np.ndarray, generator: str, rule: Trials) -> Iterator[TargetTrials]:
    """Blocks of a driver's pairs, each pair in one block: 24 people with 5,166 videos have 13 million of them.

    Pairs across two people belong to one of the two by turns, as in a round-robin tournament, so that every block has
    about half of the other people and no block is much larger than the rest.
    """
    for _, collection in of_generator.groupby("source", sort=True):
        chosen = pd.concat([_drawn(group, rule) for _, group in collection.groupby("target", sort=True)])
        by_driver = [
            (str(driver), group.sort_values("video").index.to_numpy(np.int32))
            for driver, group in chosen.groupby("driver", sort=True)
        ]
        for at, (driver, own) in enumerate(by_driver):
            first, second = np.triu_indices(len(own), k=1)
            genuine = np.stack([own[first], own[second]], axis=1)
            if not rule.share_driving_clip:
                genuine = genuine[clip[genuine[:, 0]] != clip[genuine[:, 1]]]
            mine = [videos for other, (_, videos) in enumerate(by_driver) if _owner(at, other) == at != other]
            others = np.concatenate(mine) if mine else np.empty(0, np.int32)
            impostor = np.stack([np.repeat(own, len(others)), np.tile(others, len(own))], axis=1)
            yield TargetTrials(driver, generator, genuine, impostor)


def _owner(one: int, other: int) -> int:
    """Which of two people (by number) has their pairs."""
    first, second = sorted((one, other))
    return first if (first + second) % 2 else second


def _drawn(group: pd.DataFrame, rule: Trials) -> pd.DataFrame:
    """At most `clips_per_driver` videos of each driver, drawn by a seed that depends on nothing but names."""
    if rule.clips_per_driver == 0:
        return group
    kept = []
    for driver, rows in group.groupby("driver", sort=True):
        if len(rows) > rule.clips_per_driver:
            key = f"{rows['target'].iloc[0]}/{driver}/{rows['generator'].iloc[0]}"
            rng = np.random.default_rng([rule.seed, zlib.crc32(key.encode())])
            rows = rows.iloc[np.sort(rng.choice(len(rows), rule.clips_per_driver, replace=False))]
        kept.append(rows)
    return pd.concat(kept).sort_values("video")
